"""Published numbers beside ours, with a verdict on each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rescalade.outcome import Outcome
from rescalade.published import Published, PublishedValue, Tolerance, load_published
from rescalade.report.results.load import RunResult
from rescalade.report.results.numbers import Spread, Style, written
from rescalade.report.results.summary import Cell, Summary, mean, measure
from rescalade.report.tables.table import Column, Entry, Row, Table, number, spread, text
from rescalade.scoring.scores import Scores

Verdict = Literal["reproduced", "direction holds", "not reproduced", "not run"]
AUDITED = ("row_norm", "row_norm_max", "row_norm_divided", "anisotropy")
LOSSES: Mapping[str, Callable[[Outcome], float]] = {
    "step0_loss": lambda outcome: outcome.first_loss,
    "last_loss": lambda outcome: outcome.last_loss,
}
NAMES = {
    "row_norm": "row norm, mean",
    "row_norm_max": "row norm, largest",
    "row_norm_divided": "row norm after division",
    "anisotropy": "anisotropy",
    "step0_loss": "loss at step 0",
    "last_loss": "loss at the end",
    "index_gigabytes": "index size, GB",
}


@dataclass(frozen=True)
class Match:
    """A published value and ours. difference: ours minus published, None where not run."""

    published: PublishedValue
    ours: Spread
    difference: float | None
    verdict: Verdict


def matches(summary: Summary, published: Published) -> list[Match]:
    """Every published value in the order of the file."""
    ours = [_ours(summary, published, value) for value in published.values]
    found = []
    for value, mine in zip(published.values, ours, strict=True):
        if mine.mean is None:
            found.append(Match(value, mine, None, "not run"))
            continue
        difference = mine.mean - value.value
        allowed = max(published.tolerance[value.measure].of(value.value), 2 * (mine.sd or 0.0))
        verdict: Verdict = "not reproduced"
        if abs(difference) <= allowed * (1 + 1e-9):
            verdict = "reproduced"
        elif _same_direction(value, mine.mean, published.values, ours):
            verdict = "direction holds"
        found.append(Match(value, mine, difference, verdict))
    return found


def published_table(summary: Summary, published: Published) -> Table:
    """Published value | ours | difference | verdict."""
    rows = []
    for match in matches(summary, published):
        value = match.published
        style: Style = "size" if value.measure in (*LOSSES, "index_gigabytes") else "measure"
        about = f" ±{100 * value.digitised:g} %" if value.digitised else ""
        dataset = published.datasets[value.dataset].title if value.dataset else ""
        rows.append(
            Row(
                {
                    "where": text(value.where + (", digitised" if value.digitised else "")),
                    "scale": text("–" if value.scale is None else f"{value.scale:g}"),
                    "measure": text(
                        ", ".join(part for part in (dataset, NAMES.get(value.measure, value.measure)) if part)
                    ),
                    "published": number(value.value, style, note=f"read off a figure,{about}" if about else ""),
                    "ours": spread(match.ours, style),
                    "difference": number(match.difference, style),
                    "verdict": text(match.verdict, strong=match.verdict == "reproduced"),
                },
                published.backbones[value.backbone].title,
                "absent" if match.verdict == "not run" else "",
                value.backbone,
            )
        )
    return Table(
        name="published",
        title=f"Every published number of {published.source}",
        caption=(
            f"{published.title} ({published.source}) beside this run. Reproduced: no further off than the stated "
            "tolerance, or than twice our sd over seeds. Direction holds: ours moves the same way between this k and "
            "k = 1 (for "
            "k = 1: its best published k)."
        ),
        columns=[
            Column("where", "Where", numeric=False),
            Column("scale", "k"),
            Column("measure", "Measure", numeric=False),
            Column("published", "Published"),
            Column("ours", "Ours", sd=True),
            Column("difference", "Difference"),
            Column("verdict", "Verdict", numeric=False),
        ],
        rows=rows,
        notes=["Tolerances: " + ", ".join(_allowed(name, item) for name, item in published.tolerance.items()) + "."],
    )


def _ours(summary: Summary, published: Published, value: PublishedValue) -> Spread:
    names = published.backbones[value.backbone].names
    if value.backbone == "bm25":
        return Spread.of([_mean_measure(summary, published, value, summary.results.bm25)])
    backbone = next((name for name in summary.config.backbones() if _called(summary, name, names)), None)
    if backbone is None:
        return Spread(None, None, 0, 0)
    if value.measure in AUDITED:
        return Spread.of([_audited(summary, backbone, value)])
    cell = summary.cell(backbone, value.scale or 1.0)
    if cell is None:
        return Spread(None, None, 0, 0)
    if value.measure in LOSSES:
        return cell.outcome(LOSSES[value.measure])
    return _measured(summary, published, value, cell)


def _measured(summary: Summary, published: Published, value: PublishedValue, cell: Cell) -> Spread:
    def pick(run: RunResult) -> float:
        return _mean_measure(summary, published, value, run.scores)

    return cell.spread(pick)


def _mean_measure(summary: Summary, published: Published, value: PublishedValue, scores: Mapping[str, Scores]) -> float:
    """The measure, over all data sets that are meant; NaN where one was not scored."""
    names = published.datasets[value.dataset].names if value.dataset else []
    if value.measure == "index_gigabytes":
        return mean([_index_bytes(scores.get(name)) / 1e9 for name in names])
    return mean([measure(scores.get(name), value.measure) for name in names])


def _index_bytes(scores: Scores | None) -> float:
    return math.nan if scores is None or scores.timings is None else scores.timings.index_bytes


def _audited(summary: Summary, backbone: str, value: PublishedValue) -> float:
    audit = summary.results.audits.get(backbone)
    if audit is None:
        return math.nan
    if value.measure == "anisotropy":
        return audit.anisotropy
    if value.measure == "row_norm_max":
        return audit.row_norm.max
    return audit.row_norm.mean / (value.scale or 1.0)


def _called(summary: Summary, backbone: str, names: Sequence[str]) -> bool:
    config = summary.config.backbone(backbone)
    return backbone in names or (config.id is not None and config.id in names)


def _same_direction(
    value: PublishedValue, mine: float, values: Sequence[PublishedValue], ours: Sequence[Spread]
) -> bool:
    """Whether published and ours move the same way from the reference scale to this one."""
    if value.scale is None:
        return False
    key = (value.backbone, value.measure, value.dataset, value.where)
    peers = [
        (peer, spread_.mean)
        for peer, spread_ in zip(values, ours, strict=True)
        if (peer.backbone, peer.measure, peer.dataset, peer.where) == key and peer.scale not in (None, value.scale)
    ]
    if value.scale == 1:
        better = min if value.measure in LOSSES else max
        reference = better(peers, key=lambda pair: pair[0].value, default=None)
    else:
        reference = next((pair for pair in peers if pair[0].scale == 1), None)
    if reference is None or reference[1] is None or not math.isfinite(reference[1]):
        return False
    return (value.value - reference[0].value) * (mine - reference[1]) > 0


def _allowed(name: str, item: Tolerance) -> str:
    amount = f"{100 * item.relative:g} %" if item.relative else written(item.absolute, "norm")
    return f"{NAMES.get(name, name)} ±{amount}"


def counted(found: Sequence[Match]) -> str:
    """`3 reproduced, 1 direction holds, 2 not run`."""
    verdicts = [match.verdict for match in found]
    order = ("reproduced", "direction holds", "not reproduced", "not run")
    return ", ".join(f"{verdicts.count(name)} {name}" for name in order if name in verdicts)


def _chosen(summary: Summary) -> Table:
    return published_table(summary, load_published(summary.config.experiment.published or ""))


ENTRIES = (Entry(_chosen, 80, "published", wanted=lambda summary: summary.config.experiment.published is not None),)
