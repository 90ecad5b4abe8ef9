"""Effectiveness and sparsity of rankings and vectors, and tests of significance."""
