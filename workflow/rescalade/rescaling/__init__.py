"""Dividing a head by k, in every mode."""
