"""The axes of an experiment: in what its cells differ. Those of backbones are declared, those of variants found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from rescalade.config.factors import Factors
from rescalade.variants import Scalar, Variant, written_setting

Cell = tuple[str, Variant]
"""Backbone and variant."""
Settings = Callable[[str, Variant], Mapping[str, Scalar | None]]
"""What a cell is trained with, by setting."""
JOINED = " + "
"""Between the names of axes that move together."""


def _scale(variant: Variant) -> str:
    return f"{variant.scale:g}" if variant.rule is None else f"auto: {variant.rule}"


def _offset(variant: Variant) -> str:
    return "none" if variant.offset is None else f"{variant.offset:g}"


def _written(value: Scalar | None) -> str:
    return "unset" if value is None else written_setting(value)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


@dataclass(frozen=True)
class VariantAxis:
    """One thing in which variants differ. level: of a variant, as shown. baseline: the level of what is left alone."""

    title: str
    level: Callable[[Variant], str]
    baseline: str


VARIANT_AXES: Mapping[str, VariantAxis] = {
    "k": VariantAxis("Scale k", _scale, "1"),
    "mode": VariantAxis("Mode of division", lambda variant: variant.mode, "tied"),
    "bias": VariantAxis("Bias divided too", lambda variant: _yes(variant.bias), "no"),
    "offset": VariantAxis("Offset at the start", _offset, "none"),
    "adapted": VariantAxis("Adapted first", lambda variant: _yes(variant.adapted), "no"),
    "reading": VariantAxis("Reading", lambda variant: variant.reading, "causal"),
}


@dataclass(frozen=True)
class Axis:
    """One axis of an experiment.

    names: of what moves together, each of which stands for the axis in an interaction. levels: two or more, the
    baseline first. found: the level of each cell, in the order of the cells.
    """

    names: tuple[str, ...]
    title: str
    levels: tuple[str, ...]
    found: tuple[str, ...]

    @property
    def name(self) -> str:
        """`k`; `lambda_document + lambda_query` of settings that move together."""
        return JOINED.join(self.names)


def variant_axes(variants: Iterable[Variant]) -> set[str]:
    """Names of the axes in which some variants differ; a setting that one of them has over the recipe's counts."""
    variants = list(variants)
    own = {name for name, axis in VARIANT_AXES.items() if len({axis.level(variant) for variant in variants}) > 1}
    return own | {name for variant in variants for name, _ in variant.over}


def axes_of(
    factors: Factors, cells: Sequence[Cell], trained_with: Settings, recipe: Mapping[str, Scalar | None]
) -> list[Axis]:
    """The axes with two or more levels among the cells: of backbones, of variants, of settings.

    Axes that split the cells alike, as two settings that are always moved together, cannot be told apart and are one.

    Args:
        trained_with: of a backbone and a variant, the settings of its training.
        recipe: the experiment's own settings, the baseline.
    """
    levels = {
        name: {backbone: level for level, members in axis.levels.items() for backbone in members}
        for name, axis in factors.axes.items()
    }
    found: list[Axis | None] = [
        _axis(name, axis.title, list(axis.levels), [levels[name][backbone] for backbone, _ in cells])
        for name, axis in factors.axes.items()
    ]
    found += [
        _axis(name, axis.title, [axis.baseline], [axis.level(variant) for _, variant in cells])
        for name, axis in VARIANT_AXES.items()
    ]
    settings = [trained_with(backbone, variant) for backbone, variant in cells]
    for name in sorted({name for _, variant in cells for name, _ in variant.over}):
        found.append(_axis(name, name, [_written(recipe[name])], [_written(each[name]) for each in settings]))
    return _joined([axis for axis in found if axis is not None])


def interactions_of(factors: Factors, axes: Sequence[Axis]) -> list[tuple[int, ...]]:
    """The declared interactions and all smaller ones that they imply, as places of axes, the smaller first.

    One with an axis that is not there is left out, with what it alone implies.
    """
    place = {name: number for number, axis in enumerate(axes) for name in axis.names}
    whole = [{place[name] for name in names} for names in factors.interactions if all(name in place for name in names)]
    parts = {part for some in whole for size in range(2, len(some) + 1) for part in combinations(sorted(some), size)}
    return sorted(parts, key=lambda part: (len(part), part))


def _axis(name: str, title: str, first: Sequence[str], found: Sequence[str]) -> Axis | None:
    """An axis with the levels that are found, those named first in their order, the others as they come."""
    there = [level for level in dict.fromkeys([*first, *found]) if level in set(found)]
    return Axis((name,), title, tuple(there), tuple(found)) if len(there) > 1 else None


def _joined(axes: Sequence[Axis]) -> list[Axis]:
    """Axes that split the cells alike as one, at the place of the first."""
    groups: dict[tuple[int, ...], list[Axis]] = {}
    for axis in axes:
        first = {level: number for number, level in enumerate(dict.fromkeys(axis.found))}
        groups.setdefault(tuple(first[level] for level in axis.found), []).append(axis)
    return [_one(alike) for alike in groups.values()]


def _one(alike: Sequence[Axis]) -> Axis:
    if len(alike) == 1:
        return alike[0]
    rows = list(zip(*(axis.found for axis in alike), strict=True))
    # a row of levels for each level of the first axis, whose baseline counts
    order = [next(row for row in rows if row[0] == level) for level in alike[0].levels]
    return Axis(
        names=tuple(name for axis in alike for name in axis.names),
        title=", ".join(axis.title for axis in alike),
        levels=tuple(", ".join(row) for row in order),
        found=tuple(", ".join(row) for row in rows),
    )
