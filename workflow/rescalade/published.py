"""Published numbers as data: the files under catalogue/published."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from rescalade.errors import UserError, nearest
from rescalade.strict import Strict

FOLDER = Path(__file__).resolve().parent / "catalogue" / "published"


class Named(Strict):
    """A backbone or data set of a paper. names: what a configuration may call it, or its hub id.

    variant: of a system that is a backbone in one variant, the name of that one.
    """

    title: str
    names: list[str] = Field(min_length=1)
    variant: str | None = None


class Margin(Strict):
    """How far off ours may be and still be the same for all purposes, and why.

    absolute, relative: to the published value; the larger counts. dataset: None for every data set of the measure that
    has no margin of its own.
    """

    measure: str
    dataset: str | None = None
    absolute: float = 0.0
    relative: float = 0.0
    reason: str = Field(min_length=1)

    def of(self, value: float) -> float:
        """The margin in the unit of a published value."""
        return max(self.absolute, self.relative * abs(value))


class PublishedValue(Strict):
    """One number. scale: k, None where the number belongs to no k. digitised: relative error of a read-off."""

    where: str
    backbone: str
    measure: str
    value: float
    scale: float | None = None
    dataset: str | None = None
    digitised: float | None = None


class Ordering(Strict):
    """A claim that a system is better than another, by a measure on one data set or more."""

    id: str
    title: str
    text: str
    better: str
    than: str
    measure: str
    datasets: list[str] = Field(min_length=1)


class Published(Strict):
    """A paper's numbers.

    exceptions: by claim, the backbones for which the paper itself says otherwise. orderings: further claims.
    """

    title: str
    source: str
    url: str
    backbones: dict[str, Named]
    datasets: dict[str, Named]
    margins: list[Margin]
    exceptions: dict[str, list[str]] = Field(default_factory=dict)
    orderings: list[Ordering] = Field(default_factory=list)
    values: list[PublishedValue]

    def margin(self, value: PublishedValue) -> Margin:
        """The margin of a value: that of its measure and data set, else that of its measure.

        Raises:
            LookupError: there is none.
        """
        fitting = [item for item in self.margins if item.measure == value.measure]
        own = [item for item in fitting if item.dataset == value.dataset and item.dataset is not None]
        for item in [*own, *(item for item in fitting if item.dataset is None)]:
            return item
        raise LookupError(value.measure)


@lru_cache
def load_published(name: str, folder: Path = FOLDER) -> Published:
    """Read a file of published numbers.

    Raises:
        UserError: there is none of that name, or it is malformed or refers to a name it does not define.
    """
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = [item.stem for item in folder.glob("*.yaml")]
        raise UserError(f"published: there are no numbers named {name!r}; {nearest(name, known)}")
    try:
        found = Published.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise UserError(f"{path}: {' '.join(str(error).split())}") from None
    for number_, value in enumerate(found.values):
        if value.backbone not in found.backbones:
            raise UserError(f"{path}: values[{number_}]: unknown backbone {value.backbone!r}")
        if value.dataset is not None and value.dataset not in found.datasets:
            raise UserError(f"{path}: values[{number_}]: unknown data set {value.dataset!r}")
        try:
            found.margin(value)
        except LookupError:
            raise UserError(f"{path}: values[{number_}]: no margin for {value.measure!r}") from None
    for name, backbones in found.exceptions.items():
        for backbone in backbones:
            if backbone not in found.backbones:
                raise UserError(f"{path}: exceptions: {name}: unknown backbone {backbone!r}")
    for ordering in found.orderings:
        for backbone in (ordering.better, ordering.than):
            if backbone not in found.backbones:
                raise UserError(f"{path}: orderings: {ordering.id}: unknown backbone {backbone!r}")
        for dataset in ordering.datasets:
            if dataset not in found.datasets:
                raise UserError(f"{path}: orderings: {ordering.id}: unknown data set {dataset!r}")
    return found
