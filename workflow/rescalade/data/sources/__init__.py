"""Where collections come from: one module per kind, each a function from a data set's entry to streams."""
