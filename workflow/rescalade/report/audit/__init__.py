"""The page about audits alone."""
