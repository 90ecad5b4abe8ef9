"""Encoded texts on disk."""
