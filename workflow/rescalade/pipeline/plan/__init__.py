"""What an experiment costs before it runs."""
