"""What training minimises and what counts as a collapse, from tensors alone."""
