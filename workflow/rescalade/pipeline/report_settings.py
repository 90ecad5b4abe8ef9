"""What decides tables, figures and pages."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from rescalade.config import Config
from rescalade.strict import Strict


class ReportSettings(Strict):
    """Settings of the stages `tables`, `figures`, `report` and `page`.

    What is shown is recorded; the whole configuration, by which they find the results, is not.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str
    experiment: dict[str, Any]
    backbones: dict[str, Any]
    titles: dict[str, str]
    metrics: dict[str, str]
    measures: dict[str, tuple[str, ...]]
    train: dict[str, Any]
    config: Config = Field(exclude=True)
