"""What the stages left behind."""
