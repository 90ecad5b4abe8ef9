"""What the source of a recipe leaves open, and what was done here."""

from __future__ import annotations

from rescalade.report.results.summary import Summary
from rescalade.report.tables.table import Column, Entry, Row, Table, text


def guesses_table(summary: Summary) -> Table:
    """One row per guess of the experiment's recipe."""
    recipe = summary.config.recipe
    return Table(
        name="guesses",
        title="What the recipe guesses",
        caption=f"What the source of recipe {summary.config.experiment.recipe} leaves open: {recipe.source}. A "
        "difference from its numbers may come from any of these.",
        columns=[
            Column("open", "Left open", numeric=False, wide=True),
            Column("here", "Here", numeric=False, wide=True),
            Column("why", "Why", numeric=False, wide=True),
        ],
        rows=[
            Row({"open": text(one.open), "here": text(one.here), "why": text(one.why or None)})
            for one in recipe.guesses
        ],
    )


ENTRIES = (Entry(guesses_table, order=110, section="data", wanted=lambda summary: bool(summary.config.recipe.guesses)),)
