"""Training examples: given with the data, or mined."""
