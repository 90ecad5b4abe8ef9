"""Texts, tokens and judgements, and their files."""
