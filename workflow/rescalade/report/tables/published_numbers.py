"""Published numbers beside ours, with a verdict on each."""

from __future__ import annotations

import math

from rescalade.published import Margin, Published, load_published
from rescalade.report.results.numbers import MISSING, Style, plural, written
from rescalade.report.results.published_match import Match, matches
from rescalade.report.results.summary import Summary
from rescalade.report.tables.table import Column, Entry, Row, Table, Value, number, spread, text

NAMES = {
    "row_norm": "row norm, mean",
    "row_norm_max": "row norm, largest",
    "row_norm_divided": "row norm after division",
    "anisotropy": "anisotropy",
    "step0_loss": "loss at step 0",
    "last_loss": "loss at the end, mean of the last 1 % of steps",
    "index_gigabytes": "index size, GB",
}
STRONG = ("reproduced", "not reproduced", "unstable")


def published_table(summary: Summary, published: Published) -> Table:
    """Published value | ours | difference | interval | margin | verdict."""
    found = matches(summary, published)
    return Table(
        name="published",
        title=f"Every published number of {published.source}",
        caption=(
            f"{published.title} ({published.source}) beside this run, with a verdict on each number "
            "(docs/verdicts.md). Reproduced: no further off than the margin, and two single runs of the same truth "
            "would be within two margins. Compatible: within the margin or the interval, but seed noise is too large "
            "to say more. Direction holds: off, but ours moves the same way beyond noise between this k and k = 1 "
            "(for k = 1: its best published k). Unstable: some seeds collapsed and others did not."
        ),
        columns=[
            Column("where", "Where", numeric=False),
            Column("scale", "k"),
            Column("measure", "Measure", numeric=False),
            Column("published", "Published"),
            Column("ours", "Ours", sd=True),
            Column("difference", "Difference"),
            Column("interval", "±", note="half of the 95 % interval between a published run and the mean of ours"),
            Column("margin", "Margin"),
            Column("verdict", "Verdict", numeric=False),
        ],
        rows=[_row(published, match) for match in found],
        notes=[
            "Margins: " + "; ".join(_worded(published, item) for item in published.margins) + ".",
            _noise_words(found),
        ],
    )


def _row(published: Published, match: Match) -> Row:
    value = match.published
    style: Style = "size" if match.kind in ("loss", "index size") else "measure"
    about = f"read off a figure, ±{100 * value.digitised:g} %" if value.digitised else ""
    dataset = published.datasets[value.dataset].title if value.dataset else ""
    return Row(
        {
            "where": text(value.where + (", digitised" if value.digitised else "")),
            "scale": text(MISSING if value.scale is None else f"{value.scale:g}"),
            "measure": text(", ".join(part for part in (dataset, NAMES.get(value.measure, value.measure)) if part)),
            "published": number(value.value, style, note=about),
            "ours": spread(match.ours, style),
            "difference": number(match.difference, style),
            "interval": _interval(match, style),
            "margin": number(match.margin, style),
            "verdict": text(match.verdict, strong=match.verdict in STRONG, note=_note(match)),
        },
        published.backbones[value.backbone].title,
        "absent" if match.verdict == "not run" else "collapsed" if match.verdict == "unstable" else "",
        value.backbone,
    )


def _interval(match: Match, style: Style) -> Value:
    if match.difference is None or match.noise is None or not match.noise.sd:
        return text(None, note="seed noise is unknown" if match.noise is None else "")
    return number(match.noise.half_width(match.runs), style)


def _note(match: Match) -> str:
    if match.difference is None:
        return ""
    notes = ["ours is no finite number"] if math.isnan(match.difference) else []
    notes += ["seed noise is unknown"] if match.noise is None else []
    notes += ["vectors met the bound on their bytes, so rankings lack terms"] if match.trimmed else []
    return "; ".join(notes)


def _noise_words(found: list[Match]) -> str:
    """Where the seed noise is from; said apart where it is unknown."""
    judged = [match for match in found if match.difference is not None and match.kind in ("effectiveness", "loss")]
    unknown = [match for match in judged if match.noise is None]
    if unknown:
        return (
            f"The seed noise of {plural(len(unknown), 'number')} is unknown, because no other setting of this "
            "experiment has two seeds that trained: those verdicts rest on the margin alone and may turn with "
            "another seed."
        )
    return (
        "Seed noise is the sd over seeds, pooled over all other settings of the experiment whose seeds all trained, "
        "never the setting's own; of losses relative to their mean. The paper's own seed noise is taken to be the same."
    )


def _worded(published: Published, item: Margin) -> str:
    amount = f"{100 * item.relative:g} %" if item.relative else written(item.absolute, "norm")
    where = f" on {published.datasets[item.dataset].title}" if item.dataset else ""
    return f"{NAMES.get(item.measure, item.measure)}{where} ±{amount} ({item.reason})"


def _chosen(summary: Summary) -> Table:
    return published_table(summary, load_published(summary.config.experiment.published or ""))


ENTRIES = (
    Entry(
        _chosen, 80, "published", wanted=lambda summary: summary.config.experiment.published is not None, untrained=True
    ),
)
