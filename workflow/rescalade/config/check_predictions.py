"""Predictions and contrasts name cells that are run, predictions each once, and explanations that are there."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rescalade.config.errors import Lines
from rescalade.config.model import ConfigModel
from rescalade.errors import UserError, unknown

Cell = tuple[str, str]
"""Backbone and name of the variant."""


def _check_run(cell: Cell, run: Collection[Cell], here: str) -> None:
    if cell in run:
        return
    known = [variant for backbone, variant in run if backbone == cell[0]]
    if known:
        raise unknown(f"cell of {cell[0]}", cell[1], known, f"{here}: ")
    raise UserError(f"{here}: backbone {cell[0]} is not run; a cell of the grid is expected")


def check_predictions(model: ConfigModel, cells: Mapping[str, Collection[Cell]], lines: Lines) -> None:
    """Refuse what is said of a cell that is not run, is predicted twice, or by an explanation that is not there.

    Args:
        cells: by experiment, of those that predict anything, the cells that it runs.

    Raises:
        UserError: the first of them, with its place.
    """
    for name in cells:
        experiment = model.experiments[name]
        said: dict[Cell, int] = {}
        run = dict.fromkeys(cells[name])
        for number, prediction in enumerate(experiment.predictions):
            place = lines.place(("experiments", name, "predictions", number))
            here = f"{place}experiments.{name}.predictions[{number}]"
            for explanation in prediction.expects:
                if explanation not in experiment.explanations:
                    raise unknown("explanation", explanation, experiment.explanations, f"{here}: ")
            for cell in ((backbone, variant) for backbone in prediction.backbones for variant in prediction.variants):
                if cell not in run:
                    known = [variant for backbone, variant in run if backbone == cell[0]]
                    raise (
                        unknown(f"cell of {cell[0]}", cell[1], known, f"{here}: ")
                        if known
                        else UserError(f"{here}: backbone {cell[0]} is not run; expectations are of cells of the grid")
                    )
                if cell in said:
                    raise UserError(
                        f"{here}: {cell[0]}, {cell[1]} is predicted in predictions[{said[cell]}] too; name a cell once"
                    )
                said[cell] = number
        for number, contrast in enumerate(experiment.contrasts):
            place = lines.place(("experiments", name, "contrasts", number))
            both = [(each.backbone, each.variant) for each in (contrast.of, contrast.against)]
            for cell in both:
                _check_run(cell, run, f"{place}experiments.{name}.contrasts[{number}]")
            if both[0] == both[1]:
                raise UserError(f"{place}experiments.{name}.contrasts[{number}]: a cell is held against itself")
        unused = [
            key for key in experiment.explanations if not any(key in one.expects for one in experiment.predictions)
        ]
        if unused:
            place = lines.place(("experiments", name, "explanations", unused[0]))
            raise UserError(
                f"{place}experiments.{name}.explanations: {unused[0]!r} expects nothing of any cell; say what in "
                "`predictions`, or take it out"
            )
