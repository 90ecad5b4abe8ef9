"""Collapse by definitions declared before running (docs/collapse.md)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

DEAD_TERMS = 1.0
SATURATED_SHARE = 0.5
DEGENERATE_COSINE = 0.95
Row = dict[str, float]


@dataclass(frozen=True)
class Verdict:
    """How a run ended.

    name: trained, dead, saturated, degenerate or non-finite. since_step: the step from which the
    condition held without a break to the end; None for `trained`. causes: what was seen, in words.
    """

    name: str
    since_step: int | None
    causes: list[str]


def judge(history: Sequence[Row], vocabulary: int) -> Verdict:
    """Verdict of a finished run from its history.

    The conditions, on the documents of a step's micro-batch: *non-finite* loss or gradient; *dead*, mean
    active terms below 1; *saturated*, more than half of the vocabulary active; *degenerate*, mean pairwise
    cosine above 0.95. The state at the last step decides; the first of this order that holds is the name,
    the others are listed as causes.
    """
    tests: dict[str, Callable[[Row], bool]] = {
        "non-finite": lambda row: not (math.isfinite(row["loss"]) and math.isfinite(row["gradient_norm"])),
        "dead": lambda row: row["active_document"] < DEAD_TERMS,
        "saturated": lambda row: row["active_document"] > SATURATED_SHARE * vocabulary,
        "degenerate": lambda row: row["cosine_document"] > DEGENERATE_COSINE,
    }
    last = history[-1]
    holding = [name for name, test in tests.items() if test(last)]
    if not holding:
        return Verdict("trained", None, [])
    since = next(
        (int(before["step"]) + 1 for before in reversed(history) if not tests[holding[0]](before)),
        int(history[0]["step"]),
    )
    return Verdict(holding[0], since, [_describe(name, last, vocabulary) for name in holding])


def _describe(name: str, row: Row, vocabulary: int) -> str:
    active = row["active_document"]
    return {
        "non-finite": f"loss {row['loss']:g}, gradient norm {row['gradient_norm']:g}",
        "dead": f"{active:.2f} active terms per document",
        "saturated": f"{active:.0f} of {vocabulary} terms active per document",
        "degenerate": f"mean cosine between documents {row['cosine_document']:.4f}",
    }[name]
