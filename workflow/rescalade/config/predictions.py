"""What is asked of single cells of an experiment: what explanations of a failure expect, and contrasts of two."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rescalade.strict import Name, Strict

Expected = Literal["trains", "fails"]


class CellName(Strict):
    """A cell of an experiment."""

    backbone: Name = Field(description="Backbone of the grid.")
    variant: str = Field(description="Variant of it by name, as `snakemake -n` and tables name it: k1, k4-folded.")


class Contrast(Strict):
    """Two cells that differ in one thing."""

    question: str = Field(min_length=1, description="What the difference between them answers.")
    of: CellName = Field(description="A cell.")
    against: CellName = Field(description="The cell that it is held against.")


class Explanation(Strict):
    """A cause that somebody has named."""

    title: str = Field(min_length=1, description="The cause in a few words, as the report shows it.")
    source: str = Field("", description="Who says so.")
    because: str = Field("", description="Why it expects what it expects, in a sentence.")


class Prediction(Strict):
    """What explanations expect of some cells."""

    backbones: list[Name] = Field(min_length=1, description="Backbones of the grid.")
    variants: list[str] = Field(
        min_length=1, description="Variants of it by name, as `snakemake -n` and tables name them: k1, k4-folded."
    )
    expects: dict[Name, Expected] = Field(
        min_length=1,
        description="By explanation: trains or fails. One that is left out says nothing of these cells.",
    )
