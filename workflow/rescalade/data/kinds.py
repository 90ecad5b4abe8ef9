"""The kinds of source. A new one is a class of source and one of data set, and a line here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.pydoc.dataset import PydocDataset
from rescalade.data.pydoc.source import PydocSource
from rescalade.data.sources.files import FilesDataset, FilesSource
from rescalade.data.sources.hub import HubDataset, HubSource
from rescalade.data.sources.irds import IrDatasetsDataset, IrDatasetsSource
from rescalade.data.sources.passages import PassagesDataset, PassagesSource
from rescalade.data.wheels.dataset import WheelDataset
from rescalade.data.wheels.source import WheelSource

Source = Annotated[
    PydocSource | IrDatasetsSource | HubSource | FilesSource | PassagesSource | WheelSource,
    Field(discriminator="kind"),
]
Dataset = PydocDataset | IrDatasetsDataset | HubDataset | FilesDataset | PassagesDataset | WheelDataset

DATASETS: dict[str, type[DatasetConfig]] = {
    "pydoc": PydocDataset,
    "ir_datasets": IrDatasetsDataset,
    "hub": HubDataset,
    "files": FilesDataset,
    "passages": PassagesDataset,
    "wheel": WheelDataset,
}
"""Class of a data set's entry by the kind of its source."""
