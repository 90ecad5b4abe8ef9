"""Results read, summed up, and shown as tables, figures, claims and pages."""
