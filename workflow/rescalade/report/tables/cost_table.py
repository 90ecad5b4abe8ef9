"""Where the CPU seconds of an experiment went."""

from __future__ import annotations

from collections.abc import Sequence

from rescalade.pipeline.costs import StageCost
from rescalade.report.tables.table import Column, Row, Table, text

COLUMNS = {
    "jobs": "jobs",
    "measured": "measured",
    "start": "start, CPU s",
    "work": "work, CPU s",
    "each": "a job's work, CPU s",
    "share": "share",
}


def cost_table(experiment: str, costs: Sequence[StageCost]) -> Table:
    """A row per stage, and one for all of them."""
    whole = StageCost("all", *(sum(getattr(cost, part) for cost in costs) for part in StageCost.SUMS))
    return Table(
        name="costs",
        title=f"CPU seconds of {experiment} by stage",
        caption="Start: Python, libraries and configuration, until a job's work begins.",
        columns=[Column("stage", "stage", numeric=False), *(Column(key, header) for key, header in COLUMNS.items())],
        rows=[_row(cost, whole) for cost in [*costs, whole]],
        notes=["Not in it: Snakemake, the process that jobs are forked from, the commands that wait for their forks."],
    )


def _row(cost: StageCost, whole: StageCost) -> Row:
    each = cost.work / cost.measured if cost.measured else 0.0
    share = (cost.start + cost.work) / (whole.start + whole.work)
    numbers = (f"{cost.jobs:,}", f"{cost.measured:,}", f"{cost.start:.1f}", f"{cost.work:.1f}", f"{each:.2f}")
    cells = [cost.stage, *numbers, f"{share:.1%}"]
    return Row({key: text(cell) for key, cell in zip(["stage", *COLUMNS], cells, strict=True)})
