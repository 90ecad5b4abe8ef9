"""Claims and verdicts."""
