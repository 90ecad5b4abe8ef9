"""Collapse by definitions declared before running (docs/collapse.md)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rescalade.outcome import VerdictName

if TYPE_CHECKING:
    from rescalade.objective.measures import Row  # imports torch, which a report needs not wait for

DEAD_TERMS = 1.0
SATURATED_SHARE = 0.5
DEGENERATE_COSINE = 0.95


@dataclass(frozen=True)
class Verdict:
    """How a run ended.

    since_step: the step from which the
    condition held without a break to the end; None for `trained`. causes: what was seen, in words.
    """

    name: VerdictName
    since_step: int | None
    causes: tuple[str, ...]


def conditions(row: Row, vocabulary: int) -> list[VerdictName]:
    """Names of the conditions that hold at a step, the weightiest first; see `judge`."""
    tests: dict[VerdictName, Callable[[Row], bool]] = {
        "non-finite": lambda row: not (math.isfinite(row["loss"]) and math.isfinite(row["gradient_norm"])),
        "dead": lambda row: row["active_document"] < DEAD_TERMS,
        "saturated": lambda row: row["active_document"] > SATURATED_SHARE * vocabulary,
        "degenerate": lambda row: row["cosine_document"] > DEGENERATE_COSINE,
    }
    names: list[VerdictName] = list(tests) if is_counted(row) else ["non-finite"]
    return [name for name in names if tests[name](row)]


def is_counted(row: Row) -> bool:
    """Whether active terms and cosines were counted at this step (`watch_every`)."""
    return row.get("active_document") is not None


def judge(history: Sequence[Row], vocabulary: int, broken_weights: int = 0) -> Verdict:
    """Verdict of a finished run from its history.

    The conditions, on the documents of a step's micro-batch: *non-finite* loss or gradient; *dead*, mean
    active terms below 1; *saturated*, more than half of the vocabulary active; *degenerate*, mean pairwise
    cosine above 0.95. The state at the last step decides; the first of this order that holds is the name,
    the others are listed as causes. Steps at which nothing was counted neither begin nor end a condition.

    Args:
        history: one row per optimiser step.
        vocabulary: V.
        broken_weights: weights of the final model that are not finite; any makes the run non-finite.
    """
    rows = [row for row in history if is_counted(row) or conditions(row, vocabulary)]
    holding = conditions(rows[-1], vocabulary) if rows else []
    if broken_weights and "non-finite" not in holding:
        causes = [describe(name, rows[-1], vocabulary) for name in holding]
        return Verdict("non-finite", int(history[-1]["step"]), (f"{broken_weights} weights are not finite", *causes))
    if not holding:
        return Verdict("trained", None, ())
    since = int(rows[0]["step"])
    for before, after in itertools.pairwise(rows):
        if holding[0] not in conditions(before, vocabulary):
            since = int(after["step"])
    causes = [describe(name, rows[-1], vocabulary) for name in holding]
    if broken_weights:
        causes.append(f"{broken_weights} weights are not finite")
    if all(row["skipped"] for row in history if "skipped" in row) and "skipped" in history[0]:
        causes.append("no step was taken: the weights are those before training")
    return Verdict(holding[0], since, tuple(causes))


def describe(name: str, row: Row, vocabulary: int) -> str:
    """What was seen of a condition, in words."""
    if name == "non-finite":
        return f"loss {row['loss']:g}, gradient norm {row['gradient_norm']:g}"
    active = row["active_document"]
    return {
        "dead": f"{active:.2f} active terms per document",
        "saturated": f"{active:.0f} of {vocabulary} terms active per document",
        "degenerate": f"mean cosine between documents {row['cosine_document']:.4f}",
    }[name]
