"""Pairs of cells that differ in one axis alone, by level against the baseline: no model, only what came out of both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from rescalade.report.results.design import Design, design_of
from rescalade.report.results.summary import Summary

COMMON = 0.75
"""A level that all pairs have which turn one way says something where no more than this share of all pairs has it."""


@dataclass(frozen=True)
class Pair:
    """Two cells of which the first has a level of an axis, the second its baseline, and all other axes are alike.

    of, against: their places among the cells of the design.
    """

    of: int
    against: int


@dataclass(frozen=True)
class LevelEffect:
    """A level of an axis against the baseline.

    axis: place in the design. pairs: of which both cells were made. differences: of in-domain quality, for the pairs
    that have both. failing: pairs whose cell at the baseline fails. mended: those of them whose cell at the level
    trains. broken: the baseline trains and the level fails.
    mended_have, broken_have: by place of another axis, the level that all of these have, see `COMMON`. where: by place
    of another axis, the level that all pairs have by choice; none where all pairs are taken.
    """

    axis: int
    level: str
    pairs: tuple[Pair, ...]
    differences: tuple[float, ...]
    failing: int
    mended: tuple[Pair, ...]
    broken: tuple[Pair, ...]
    mended_have: tuple[tuple[int, str], ...]
    broken_have: tuple[tuple[int, str], ...]
    where: tuple[tuple[int, str], ...] = ()

    @property
    def mean(self) -> float | None:
        """Plain mean of the differences."""
        return math.fsum(self.differences) / len(self.differences) if self.differences else None

    @property
    def turned(self) -> int:
        """Pairs that turn, either way."""
        return len(self.mended) + len(self.broken)


def level_effects(summary: Summary) -> list[LevelEffect]:
    """Every level but baselines, those that turn most pairs first, then by the size of the mean difference."""
    design = design_of(summary)
    effects = [_effect(summary, design, place, level, pairs) for (place, level), pairs in _all_pairs(summary).items()]
    return sorted(effects, key=lambda effect: (-effect.turned, -abs(effect.mean or 0.0)))


def effects_where(summary: Summary) -> list[LevelEffect]:
    """The same by the levels of what an axis may depend on, in the order of `level_effects`, then of the levels.

    Of each interaction that is part of no larger one every axis is taken, its pairs parted by the levels of the others,
    which both cells of a pair have.
    """
    design, found = design_of(summary), _all_pairs(summary)
    largest = [term for term in design.interactions if not any(set(term) < set(more) for more in design.interactions)]
    effects = []
    for effect in level_effects(summary):
        for term in largest:
            others = [place for place in term if place != effect.axis]
            if len(others) == len(term):
                continue
            parted: dict[tuple[str, ...], list[Pair]] = {}
            for pair in found[effect.axis, effect.level]:
                parted.setdefault(tuple(design.axes[place].found[pair.of] for place in others), []).append(pair)
            for levels in product(*(design.axes[place].levels for place in others)):
                if levels in parted and len(parted) > 1:
                    part = _effect(summary, design, effect.axis, effect.level, parted[levels])
                    effects.append(replace(part, where=tuple(zip(others, levels, strict=True))))
    return effects


def _all_pairs(summary: Summary) -> dict[tuple[int, str], list[Pair]]:
    """By axis and level, but for baselines."""
    design, factors = design_of(summary), summary.config.experiment.factors
    of_backbones = set() if factors is None else set(factors.axes)
    return {
        (place, level): pairs_of(design, place, level, bool(of_backbones & set(axis.names)))
        for place, axis in enumerate(design.axes)
        for level in axis.levels[1:]
    }


def pairs_of(design: Design, place: int, level: str, of_backbones: bool) -> list[Pair]:
    """All pairs of cells, one with the level and one with the baseline of an axis, that all other axes give alike.

    Where the axis is not one of backbones, both are of the same backbone.
    """
    axis = design.axes[place]
    others = [other for number, other in enumerate(design.axes) if number != place]
    keys = [
        (*(other.found[number] for other in others), "" if of_backbones else cell.backbone)
        for number, cell in enumerate(design.cells)
    ]
    return [
        Pair(ours, theirs)
        for ours, mine in enumerate(axis.found)
        for theirs, other in enumerate(axis.found)
        if mine == level and other == axis.levels[0] and keys[ours] == keys[theirs]
    ]


def _effect(summary: Summary, design: Design, place: int, level: str, found: Sequence[Pair]) -> LevelEffect:
    both = [(pair, design.cells[pair.of], design.cells[pair.against]) for pair in found]
    both = [(pair, ours, theirs) for pair, ours, theirs in both if ours.made and theirs.made]
    apart = [summary.quality(ours) - summary.quality(theirs) for _, ours, theirs in both]
    mended = tuple(pair for pair, ours, theirs in both if theirs.collapsed and not ours.collapsed)
    broken = tuple(pair for pair, ours, theirs in both if ours.collapsed and not theirs.collapsed)
    pairs = tuple(pair for pair, _, _ in both)
    return LevelEffect(
        axis=place,
        level=level,
        pairs=pairs,
        differences=tuple(filter(math.isfinite, apart)),
        failing=sum(theirs.collapsed for _, _, theirs in both),
        mended=mended,
        broken=broken,
        mended_have=_shared(design, place, pairs, mended),
        broken_have=_shared(design, place, pairs, broken),
    )


def _shared(design: Design, place: int, pairs: Sequence[Pair], turned: Sequence[Pair]) -> tuple[tuple[int, str], ...]:
    if len(turned) < 2:
        return ()
    found = []
    for number, axis in enumerate(design.axes):
        levels = {axis.found[pair.of] for pair in turned}
        level = min(levels)
        having = sum(axis.found[pair.of] == level for pair in pairs)
        if number != place and len(levels) == 1 and having <= COMMON * len(pairs):
            found.append((number, level))
    return tuple(found)
