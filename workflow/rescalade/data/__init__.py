"""From a source to a collection on disk."""
