"""Factors of an experiment: in what its cells differ, for an analysis of which of it decides."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rescalade.strict import Name, Strict


class BackboneAxis(Strict):
    """One thing in which backbones differ."""

    title: str = Field(min_length=1, description="The axis in a few words, as the report shows it.")
    levels: dict[str, Annotated[list[Name], Field(min_length=1)]] = Field(
        description="By level, the backbones that have it; the first level is the baseline. Each backbone of the grid "
        "stands in one. Backbones that are not of the grid may stand there too, so that experiments can share factors."
    )


class Factors(Strict):
    """In what cells differ, and what may depend on what.

    Axes of variants come by themselves where they have two or more levels: k, mode, bias, offset, adapted, reading, and
    each training setting that `over` moves.
    """

    axes: dict[Name, BackboneAxis] = Field(
        min_length=1, description="In what backbones differ, by a name for `interactions`."
    )
    interactions: list[Annotated[list[str], Field(min_length=2)]] = Field(
        default=[],
        description="Axes whose effects may depend on one another: two or more by name, those of variants and settings "
        "among them. All smaller interactions among them are implied. One with an axis that does not vary in the "
        "experiment is left out.",
    )
