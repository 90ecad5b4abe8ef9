"""What the stages left behind, read and summed up."""
