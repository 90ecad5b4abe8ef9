"""Factors of an experiment give each backbone of the grid one level of each axis, and interactions know their axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rescalade.config.axes import VARIANT_AXES, Cell, variant_axes
from rescalade.config.errors import Lines, dotted
from rescalade.config.factors import BackboneAxis
from rescalade.config.model import ConfigModel
from rescalade.errors import UserError, unknown
from rescalade.training.settings import TrainSettings


def check_factors(model: ConfigModel, cells: Mapping[str, Sequence[Cell]], lines: Lines) -> None:
    """Refuse axes that do not say of each backbone of the grid what it is, and interactions of what is no axis.

    Args:
        cells: by experiment, of those that have factors, the cells that it runs.

    Raises:
        UserError: the first of them, with its place.
    """
    for experiment, run in cells.items():
        factors = model.experiments[experiment].factors
        if factors is None:
            continue
        backbones = list(dict.fromkeys(backbone for backbone, _ in run))
        taken = variant_axes(variant for _, variant in run)
        here = ("experiments", experiment, "factors")
        for name, axis in factors.axes.items():
            place = _place(lines, *here, "axes", name)
            if name in taken:
                raise UserError(f"{place}: the variants of the grid have an axis {name!r}, which comes by itself")
            _check_levels(model, axis, backbones, place)
        known = [*factors.axes, *VARIANT_AXES, *TrainSettings.model_fields]
        for number, names in enumerate(factors.interactions):
            place = _place(lines, *here, "interactions", number)
            for name in names:
                if name not in known:
                    raise unknown("axis", name, known, f"{place}: ")
            if len(set(names)) < len(names):
                raise UserError(f"{place}: an axis stands there twice; two or more axes are expected, each once")


def _check_levels(model: ConfigModel, axis: BackboneAxis, backbones: Sequence[str], place: str) -> None:
    if len(axis.levels) < 2:
        raise UserError(
            f"{place}: an axis without a baseline; two levels or more are expected, found {len(axis.levels)}"
        )
    found: dict[str, str] = {}
    for level, members in axis.levels.items():
        for backbone in members:
            if backbone not in model.backbones:
                raise unknown("backbone", backbone, model.backbones, f"{place}.levels.{level}: ")
            if backbone in found:
                raise UserError(
                    f"{place}: backbone {backbone} is in the levels {found[backbone]!r} and {level!r}; one is expected"
                    if found[backbone] != level
                    else f"{place}.levels.{level}: backbone {backbone} stands there twice"
                )
            found[backbone] = level
    missing = [backbone for backbone in backbones if backbone not in found]
    if missing:
        raise UserError(f"{place}: backbone {missing[0]} of the grid is in no level; put it into one")


def _place(lines: Lines, *location: str | int) -> str:
    return f"{lines.place(location)}{dotted(location)}"
