"""Published numbers matched with this run's, each with its verdict."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rescalade.published import Published, PublishedValue
from rescalade.report.results.judgement import VERDICTS, Evidence, Move, Verdict, judge
from rescalade.report.results.noise import Noise
from rescalade.report.results.numbers import Spread
from rescalade.report.results.published_ours import KINDS, Kind, Ours, ours_of, pooled_noise
from rescalade.report.results.summary import LOST_SHARE, Summary


@dataclass(frozen=True)
class Match:
    """A published value and ours.

    runs: of ours that the mean is over; micro-batches count in steps. margin: in the unit of the value. noise: of a
    single run, None where it is unknown. trimmed: vectors of a run met the bound on their bytes, so that the rankings
    lack terms.
    """

    published: PublishedValue
    ours: Spread
    runs: float
    difference: float | None
    margin: float
    noise: Noise | None
    verdict: Verdict
    trimmed: bool = False

    @property
    def kind(self) -> Kind:
        """What sort of number it is."""
        return KINDS.get(self.published.measure, "effectiveness")


def matches(summary: Summary, published: Published) -> list[Match]:
    """Every published value in the order of the file."""
    ours = [ours_of(summary, published, value) for value in published.values]
    found = []
    for value, mine in zip(published.values, ours, strict=True):
        margin = published.margin(value).of(value.value)
        noise = mine.noise or pooled_noise(summary, published, value, mine.cell)
        difference = _difference(value, mine)
        evidence = Evidence(
            difference=difference,
            runs=mine.runs,
            margin=margin,
            noise=noise,
            unstable=mine.cell is not None and mine.noise is None and mine.cell.unstable,
            improves=_improves(value),
            failed=_failed(value, published.values),
            move=_move(value, mine, published.values, ours),
        )
        trimmed = mine.cell is not None and any(run.trimmed for run in mine.cell.made)
        found.append(Match(value, mine.spread, mine.runs, difference, margin, noise, judge(evidence), trimmed))
    return found


def counted(found: Iterable[Match]) -> str:
    """`Effectiveness: 70 of 76 reproduced, 6 not run. Losses: ...`, effectiveness first."""
    kinds: dict[Kind, Counter[Verdict]] = {"effectiveness": Counter()}
    for match in found:
        kinds.setdefault(match.kind, Counter())[match.verdict] += 1
    sentences = []
    for kind, counts in sorted(kinds.items(), key=lambda pair: list(_TITLES).index(pair[0])):
        if counts:
            parts = [f"{counts[name]} {name}" for name in VERDICTS if counts[name] or name == "reproduced"]
            parts[0] = f"{counts['reproduced']} of {counts.total()} reproduced"
            sentences.append(f"{_TITLES[kind]}: {', '.join(parts)}.")
    return " ".join(sentences)


_TITLES: Mapping[Kind, str] = {
    "effectiveness": "Effectiveness",
    "loss": "Losses",
    "index size": "Index sizes",
    "head norm": "Head norms, which do not depend on training",
}


def _difference(value: PublishedValue, mine: Ours) -> float | None:
    """None where nothing was run, NaN where what was run is no finite number in every seed."""
    if mine.spread.mean is not None:
        return mine.spread.mean - value.value
    return math.nan if mine.cell is not None and mine.cell.made and mine.spread.total and _scored(mine) else None


def _scored(mine: Ours) -> bool:
    cell = mine.cell
    return cell is not None and all(run.scores for run in cell.made)


def _improves(value: PublishedValue) -> Literal[0, 1]:
    return 0 if value.measure in KINDS else 1  # a lower loss is no better model, a smaller index neither


def _failed(value: PublishedValue, values: Sequence[PublishedValue]) -> bool:
    """Whether the published value is below half of the backbone's best."""
    best = max((peer.value for peer in _peers(value, values)), default=value.value)
    return value.measure not in KINDS and value.value < LOST_SHARE * best


def _peers(value: PublishedValue, values: Iterable[PublishedValue]) -> list[PublishedValue]:
    """The same number at every k."""
    key = (value.backbone, value.measure, value.dataset, value.where)
    return [peer for peer in values if (peer.backbone, peer.measure, peer.dataset, peer.where) == key]


def _move(value: PublishedValue, mine: Ours, values: Sequence[PublishedValue], ours: Sequence[Ours]) -> Move | None:
    """From k = 1 to this k; for k = 1 from the k that is best in the paper."""
    if value.scale is None or KINDS.get(value.measure) == "head norm":
        return None
    others = [peer for peer in _peers(value, values) if peer.scale not in (None, value.scale)]
    if value.scale == 1:
        best = min if KINDS.get(value.measure) == "loss" else max
        reference = best(others, key=lambda peer: peer.value, default=None)
    else:
        reference = next((peer for peer in others if peer.scale == 1), None)
    if reference is None:
        return None
    theirs = next(found for peer, found in zip(values, ours, strict=True) if peer is reference)
    if mine.spread.mean is None or theirs.spread.mean is None:
        return None
    return Move(
        published=value.value - reference.value,
        ours=mine.spread.mean - theirs.spread.mean,
        runs=(mine.runs, theirs.runs),
    )
