"""How verdicts are written in tables."""

from __future__ import annotations

from collections import Counter

from rescalade.report.results.load import RunResult
from rescalade.report.results.numbers import listed
from rescalade.report.results.summary import COLLAPSED, Cell
from rescalade.report.tables.table import Value, text

NOT_RUN = "not run"


def verdict_value(cell: Cell) -> Value:
    """`trained`, `✕ dead since step 12`, `trained 1, ✕ lost 1 of 2`, `not run`."""
    return verdict_of(list(cell.runs), list(cell.verdicts))


def verdict_of(runs: list[RunResult], verdicts: list[str | None]) -> Value:
    """Runs with their verdicts, in words. Two steps stand where two seeds collapsed at different steps."""
    made = [(run, verdict) for run, verdict in zip(runs, verdicts, strict=True) if verdict is not None]
    if not made:
        return text(NOT_RUN, note="there are no results of this run; nothing is assumed about it")
    counted = Counter(verdict for _, verdict in made)
    parts = []
    for verdict, count in counted.items():
        steps = {run.outcome.since_step for run, name in made if run.outcome is not None and name == verdict}
        known = sorted(step for step in steps if step is not None)
        sign = "\N{MULTIPLICATION X} " if verdict in COLLAPSED else ""
        share = f" in {count} of {len(made)}" if len(counted) > 1 else ""
        since = (
            f" since step{'s' * (len(known) > 1)} {listed(map(str, known))}" if verdict in COLLAPSED and known else ""
        )
        parts.append((sign, f"{verdict}{share}{since}"))
    causes = dict.fromkeys(cause for run, _ in made if run.outcome is not None for cause in run.outcome.causes)
    return text("; ".join(map("".join, parts)), note="; ".join(causes), raw="; ".join(words for _, words in parts))
