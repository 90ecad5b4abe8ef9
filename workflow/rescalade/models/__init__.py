"""Loading a masked language model and finding its head."""
