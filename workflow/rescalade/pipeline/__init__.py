"""The graph: stages, settings, digests, records and the plan."""
