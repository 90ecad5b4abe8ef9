"""Which settings of an experiment were chosen by what its runs reached, and on which queries."""

from __future__ import annotations

from rescalade.report.results.summary import Summary
from rescalade.report.tables.table import Column, Entry, Row, Table, text


def choices_table(summary: Summary) -> Table:
    """One row per choice that the experiment's entry records."""
    return Table(
        name="choices",
        title="What was chosen, and by what",
        caption="Settings of this experiment that were chosen by what earlier runs reached. Numbers on the queries "
        "that a setting was chosen on are better than they would be on others.",
        columns=[
            Column("what", "Chosen", numeric=False, wide=True),
            Column("by", "By", numeric=False, wide=True),
            Column("when", "When", numeric=False),
        ],
        rows=[
            Row({"what": text(one.what), "by": text(one.by), "when": text(one.when or None)})
            for one in summary.config.experiment.chosen
        ],
    )


ENTRIES = (Entry(choices_table, order=5, section="run", wanted=lambda summary: bool(summary.config.experiment.chosen)),)
