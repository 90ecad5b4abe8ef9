"""The papers' claims, asked of an experiment."""
