"""Texts become vectors: the stage `encode`, and questions."""
