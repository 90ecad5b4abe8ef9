"""Rescaled masked-LM heads for neural sparse retrieval."""

__version__ = "0.1.0"
