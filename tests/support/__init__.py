"""Builders and oracles that tests share."""
