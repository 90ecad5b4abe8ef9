"""Explanations of the failure, scored by what they had expected, and cell by cell."""

from __future__ import annotations

from scipy.stats import binomtest

from rescalade.report.results.expectations import ALWAYS, Expectation, Tally, always, expectations, tallies
from rescalade.report.results.labels import backbone_title, variant_title
from rescalade.report.results.numbers import plural
from rescalade.report.results.summary import Summary
from rescalade.report.tables.table import Column, Entry, Row, Table, Value, number, text
from rescalade.report.tables.verdicts import verdict_value

SIGNS = {"right": "\N{CHECK MARK}", "wrong": "\N{MULTIPLICATION X}", "undecided": "?"}


def explanation_table(summary: Summary) -> Table:
    """A row per explanation: how many of its expectations came true."""
    found = expectations(summary)
    rows = [_row(summary, tally) for tally in tallies(summary)]
    guess = always(summary)
    rows.append(Row({"explanation": text(ALWAYS, raw=guess.key), **_counts(guess)}, kind="baseline", key=guess.key))
    return Table(
        name="explanations",
        title="What each explanation expected, and what came out",
        caption=(
            f"Expectations of {plural(len(found), 'cell')} were written into the experiment. Right: all seeds of the "
            "cell train or all fail, as expected. Undecided: not run, or the seeds disagree. The interval is Clopper "
            "and Pearson's for a share, as if the cells were independent; cells of one backbone are not."
        ),
        columns=[
            Column("explanation", "Explanation", numeric=False, wide=True),
            Column("right", "right", "Expectations"),
            Column("wrong", "wrong", "Expectations"),
            Column("undecided", "undecided", "Expectations"),
            Column("share", "Share right"),
            Column("low", "from", "95 %"),
            Column("high", "to", "95 %"),
            Column("source", "Said by", numeric=False, wide=True),
        ],
        rows=rows,
        notes=[
            "An explanation that says nothing of a cell is not judged by it, so shares are of different cells. "
            f"{ALWAYS}: what somebody is right in who expects no failure at all."
        ],
    )


def expectation_table(summary: Summary) -> Table:
    """A row per cell: what came out, and who had expected it."""
    found = expectations(summary)
    explanations = summary.config.experiment.explanations
    return Table(
        name="expectations",
        title="Expectations cell by cell",
        caption="What came out of each cell, and what each explanation had expected, with a sign for right, wrong or ?",
        columns=[
            Column("variant", "Scale and mode", numeric=False),
            Column("outcome", "Came out", numeric=False),
            Column("verdict", "Verdict", numeric=False, wide=True),
            *(Column(key, one.title, "Expected by", numeric=False, wide=True) for key, one in explanations.items()),
        ],
        rows=[
            Row(
                {
                    "variant": text(variant_title(one.cell.variant), raw=one.cell.variant.name),
                    "outcome": text(one.outcome),
                    "verdict": verdict_value(one.cell),
                    **{key: _expected(one, key) for key in explanations},
                },
                backbone_title(summary.config, one.cell.backbone),
                "absent" if one.outcome == "not run" else "",
                one.cell.backbone,
            )
            for one in found
        ],
    )


def _row(summary: Summary, tally: Tally) -> Row:
    about = summary.config.experiment.explanations[tally.key]
    values = {"explanation": text(about.title, note=about.because, raw=tally.key), "source": text(about.source or None)}
    return Row(values | _counts(tally), key=tally.key)


def _counts(tally: Tally) -> dict[str, Value]:
    values = {name: number(getattr(tally, name), "count") for name in ("right", "wrong", "undecided")}
    if tally.decided:
        low, high = binomtest(tally.right, tally.decided).proportion_ci(0.95)
        values |= {"share": number(float(tally.share)), "low": number(float(low)), "high": number(float(high))}
    return values


def _expected(one: Expectation, key: str) -> Value:
    score = one.score(key)
    if score is None:
        return text(None, note="it says nothing of this cell")
    return text(f"{SIGNS[score]} {one.expected[key]}", raw=f"{one.expected[key]}: {score}")


def _wanted(summary: Summary) -> bool:
    return bool(summary.config.experiment.predictions)


ENTRIES = (
    Entry(explanation_table, order=14, explained=1, wanted=_wanted),
    Entry(expectation_table, order=15, explained=6, wanted=_wanted, folded="what came out of each cell"),
)
