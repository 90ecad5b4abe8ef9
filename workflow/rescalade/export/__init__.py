"""Vectors in other engines' formats."""
