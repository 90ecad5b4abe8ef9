"""Collapse by declared definitions, with a version: their numbers, their words and the verdict (docs/collapse.md)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rescalade.history import SIDES
from rescalade.outcome import VerdictName

if TYPE_CHECKING:
    from rescalade.objective.measures import Row  # imports torch, which a report needs not wait for

VERSION = 2
"""Of the definitions; higher whenever a number below or its meaning changes. Version 1 looked at documents only and
had no *flat*, no share of empty texts and no terms per token."""
DEAD_TERMS, DEAD_SHARE = 1.0, 0.5
SATURATED_SHARE = 0.5
CROWDED_SHARE, CROWDED_TERMS = 0.1, 20.0
DEGENERATE_COSINE = 0.95
FLAT_SHARE, FLAT_STEPS = 0.9, 0.05
CONDITIONS: tuple[VerdictName, ...] = ("non-finite", "dead", "saturated", "degenerate", "flat")
"""The weightiest first: it gives a run its name."""
PLURAL = {"query": "queries", "document": "documents"}


def definitions() -> list[str]:
    """The conditions in words, `name: what it is`, the weightiest first."""
    return [
        "non-finite: the loss or the gradient norm is not a finite number, or a weight of the final model is not",
        f"dead: fewer than {DEAD_TERMS:g} active term per query or per document on average, or more than "
        f"{_percent(DEAD_SHARE)} of the queries or of the documents empty",
        f"saturated: more than {_percent(SATURATED_SHARE)} of the vocabulary active per query or per document on "
        f"average, or more than {_percent(CROWDED_SHARE)} of it and more than {CROWDED_TERMS:g} terms per token of "
        "the text",
        "degenerate: mean cosine over pairs of queries, or over pairs of documents, above "
        f"{DEGENERATE_COSINE:g}; empty texts are left out",
        f"flat: mean ranking loss of the last {_percent(FLAT_STEPS)} of the steps above {FLAT_SHARE:g} "
        "ln(candidates), where ln(candidates), of the documents in a query's softmax, is the loss of telling nothing "
        "apart; not judged where the ranking loss is no InfoNCE",
    ]


def is_dead(active: float, empty: float) -> bool:
    """Whether texts of one side are dead, by their mean number of active terms and the share of empty ones."""
    return active < DEAD_TERMS or empty > DEAD_SHARE


def is_saturated(active: float, tokens: float, vocabulary: int) -> bool:
    """Whether texts of one side are saturated, by their mean numbers of active terms and of tokens."""
    return active > SATURATED_SHARE * vocabulary or active > max(CROWDED_SHARE * vocabulary, CROWDED_TERMS * tokens)


def is_counted(row: Row) -> bool:
    """Whether active terms and cosines were counted at this step (`watch_every`)."""
    return row.get("active_document") is not None


@dataclass(frozen=True)
class Held:
    """A condition that holds: since which step, and what was seen at the last one, in words."""

    since: int
    seen: str


class Course:
    """Which conditions hold while a run goes on, by `definitions`.

    Steps at which nothing was counted neither begin nor end a condition, *non-finite* apart. *flat* is not judged
    before its share of the steps has been taken.

    Attributes:
        held: the conditions that hold after the last step, the weightiest first.
    """

    def __init__(self, vocabulary: int, candidates: int | None, steps: int) -> None:
        """Begin a run of so many steps.

        Args:
            vocabulary: V.
            candidates: documents in a query's softmax; None for a ranking loss by which *flat* is not judged.
        """
        self._vocabulary, self._candidates = vocabulary, candidates
        self._losses = np.full(max(1, math.ceil(FLAT_STEPS * steps)), math.nan)
        self._taken = 0
        self.held: dict[VerdictName, Held] = {}

    def add(self, row: Row) -> None:
        """Take in a step."""
        self._losses[self._taken % len(self._losses)] = row["ranking_loss"]
        self._taken += 1
        seen = {"non-finite": _not_finite(row)}
        if is_counted(row):
            seen |= {
                "dead": _of_sides(row, _dead),
                "saturated": _of_sides(row, self._saturated),
                "degenerate": _of_sides(row, _degenerate),
                "flat": self._flat(),
            }
        held: dict[VerdictName, Held] = {}
        for name in CONDITIONS:
            before = self.held.get(name)
            if name not in seen and before is not None:
                held[name] = before
            elif words := seen.get(name):
                held[name] = Held(int(row["step"]) if before is None else before.since, words)
        self.held = held

    def _saturated(self, row: Row, side: str) -> str:
        active, tokens = row[f"active_{side}"], row[f"tokens_{side}"]
        if not is_saturated(active, tokens, self._vocabulary):
            return ""
        return f"{active:.0f} of {self._vocabulary} terms active per {side} of {tokens:.0f} tokens"

    def _flat(self) -> str:
        finite = self._losses[np.isfinite(self._losses)]
        if self._candidates is None or self._taken < len(self._losses) or not len(finite):
            return ""
        mean, guessing = float(finite.mean()), math.log(self._candidates)
        if not mean > FLAT_SHARE * guessing:
            return ""
        return f"mean ranking loss {mean:.4g} over {len(self._losses)} steps, ln({self._candidates}) is {guessing:.4g}"


@dataclass(frozen=True)
class Verdict:
    """How a run ended.

    since_step: the step from which the
    condition held without a break to the end; None for `trained`. causes: what was seen, in words.
    """

    name: VerdictName
    since_step: int | None
    causes: tuple[str, ...]


def judge(history: Sequence[Row], vocabulary: int, candidates: int | None, broken_weights: int = 0) -> Verdict:
    """Verdict of a finished run from its history, by `definitions`.

    Queries and documents are those of a step's micro-batches. The state at the last step decides; the weightiest
    condition that holds is the name, the others are listed as causes.

    Args:
        history: one row per optimiser step.
        vocabulary, candidates: see `Course`.
        broken_weights: weights of the final model that are not finite; any makes the run non-finite.
    """
    course = Course(vocabulary, candidates, len(history))
    for row in history:
        course.add(row)
    held = course.held
    causes = [condition.seen for condition in held.values()]
    if broken_weights and "non-finite" not in held:
        return Verdict("non-finite", int(history[-1]["step"]), (_broken(broken_weights), *causes))
    if not held:
        return Verdict("trained", None, ())
    if broken_weights:
        causes.append(_broken(broken_weights))
    if all(row["skipped"] for row in history if "skipped" in row) and "skipped" in history[0]:
        causes.append("no step was taken: the weights are those before training")
    name = next(iter(held))
    return Verdict(name, held[name].since, tuple(causes))


def _of_sides(row: Row, seen: Callable[[Row, str], str]) -> str:
    return ", ".join(filter(None, (seen(row, side) for side in SIDES)))


def _not_finite(row: Row) -> str:
    if math.isfinite(row["loss"]) and math.isfinite(row["gradient_norm"]):
        return ""
    return f"loss {row['loss']:g}, gradient norm {row['gradient_norm']:g}"


def _dead(row: Row, side: str) -> str:
    active, empty = row[f"active_{side}"], row[f"empty_{side}"]
    if not is_dead(active, empty):
        return ""
    words = f"{active:.2f} active terms per {side}"
    return f"{words}, {_percent(empty)} of the {PLURAL[side]} empty" if empty else words


def _degenerate(row: Row, side: str) -> str:
    cosine = row[f"cosine_{side}"]
    return f"mean cosine between {PLURAL[side]} {cosine:.4f}" if cosine > DEGENERATE_COSINE else ""


def _broken(weights: int) -> str:
    return f"{weights} weights are not finite"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
