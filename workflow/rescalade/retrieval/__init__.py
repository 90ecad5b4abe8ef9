"""Exact search in an inverted index, and BM25."""
