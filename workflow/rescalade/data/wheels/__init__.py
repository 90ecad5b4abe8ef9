"""Data inside Python packages, and what reads it: one module per reader, with `open_part`."""
