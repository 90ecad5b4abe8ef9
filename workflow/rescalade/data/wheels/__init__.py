"""What is read out of wheels: one module per reader, with PARTS, `extract` and `open_part`."""
