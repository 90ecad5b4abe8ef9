"""Published numbers as data: the files under catalogue/published."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from rescalade.errors import UserError, nearest
from rescalade.strict import Strict

FOLDER = Path(__file__).resolve().parent / "catalogue" / "published"


class Named(Strict):
    """A backbone or data set of a paper. names: what a configuration may call it, or its hub id."""

    title: str
    names: list[str] = Field(min_length=1)


class Tolerance(Strict):
    """How far ours may be off, absolute or relative to the published value."""

    absolute: float = 0.0
    relative: float = 0.0

    def of(self, value: float) -> float:
        """The tolerance in the unit of a published value."""
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


class Published(Strict):
    """A paper's numbers."""

    title: str
    source: str
    url: str
    backbones: dict[str, Named]
    datasets: dict[str, Named]
    tolerance: dict[str, Tolerance]
    values: list[PublishedValue]


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
        if value.measure not in found.tolerance:
            raise UserError(f"{path}: values[{number_}]: no tolerance for {value.measure!r}")
    return found
