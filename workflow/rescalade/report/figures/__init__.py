"""Drawings of results and audits."""
