"""The verdict on one published number, given ours (docs/verdicts.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from rescalade.report.results.noise import Noise

Verdict = Literal[
    "reproduced",
    "direction holds",
    "compatible, too noisy to say",
    "not reproduced",
    "better than published",
    "unstable",
    "not run",
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
TWO_RUNS = 1.959964 * math.sqrt(2)
"""Two runs of the same truth differ by less than this many sd in 95 of 100 cases."""


@dataclass(frozen=True)
class Move:
    """How a number moves from the reference k to this k. runs: of ours, at this k and at the reference."""

    published: float
    ours: float
    runs: tuple[float, float]


@dataclass(frozen=True)
class Evidence:
    """What is known beside a published number.

    difference: ours minus published; None where ours was not run, NaN where it is no finite number. runs: of ours.
    margin: how far off is still the same for all purposes. noise: of a single run; None where it is unknown.
    unstable: our seeds disagree on collapse. improves: 1 where more is better, 0 where no change is.
    failed: the published value is itself that of a failure. move: None where there is no reference k.
    """

    difference: float | None
    runs: float
    margin: float
    noise: Noise | None
    unstable: bool = False
    improves: Literal[0, 1] = 0
    failed: bool = False
    move: Move | None = None


def judge(evidence: Evidence) -> Verdict:
    """The verdict, the first of these that is true.

    *not run*; *unstable*, our seeds disagree on collapse; *reproduced*, the difference is within the margin, and the
    interval of the difference between two single runs, difference +- 1.96 sqrt(2) sd, within two margins;
    *compatible, too noisy to say*, the difference is within the margin or within the 95 % interval of a published run
    and the mean of ours; *better than published*, further off for the better, where the published value is no failure;
    *direction holds*, ours moves the way the published number does from the reference k, by more than the margin there
    and beyond noise here; *not reproduced*. Neither more noise nor more runs turn another verdict into *reproduced*:
    its interval is that of single runs. Unknown noise counts as none in it, so it has to be said beside the verdict.
    """
    if evidence.difference is None:
        return "not run"
    if evidence.unstable:
        return "unstable"
    off, margin, noise = abs(evidence.difference), evidence.margin * (1 + 1e-9), evidence.noise
    if math.isnan(off):
        return "not reproduced"
    spread = 0.0 if noise is None else noise.sd
    if off <= margin and off + TWO_RUNS * spread <= 2 * margin:
        return "reproduced"
    if off <= max(margin, 0.0 if noise is None else noise.half_width(evidence.runs)):
        return "compatible, too noisy to say"
    if evidence.improves * evidence.difference > 0 and not evidence.failed:
        return "better than published"
    return "direction holds" if _moves_alike(evidence) else "not reproduced"


def _moves_alike(evidence: Evidence) -> bool:
    move, noise = evidence.move, evidence.noise
    if move is None or move.published * move.ours <= 0 or abs(move.published) <= evidence.margin:
        return False
    if noise is None:
        return abs(move.ours) > evidence.margin
    return abs(move.ours) > noise.quantile() * noise.sd * math.sqrt(math.fsum(1 / runs for runs in move.runs))
