"""The HTML pages of an experiment."""
