"""What decides the audit of a backbone."""

from __future__ import annotations

from pydantic import Field

from rescalade.models.splade_config import Activation
from rescalade.texts.text_settings import TextSettings

OFFSETS = (1.0, 2.0, 3.0)
"""Values of c that are tried wherever an offset of each term is."""


class AuditSettings(TextSettings):
    """The stage `audit`. check_norm and id decide whether it stops, never what it measures: they are not recorded.

    train_on: data set whose text is used. variants: names of what is tried beside the audit's own grid. inflate: factor
    on the head of an inflated backbone, else 1. offsets: values of c that are tried on texts of the data set.
    """

    train_on: str
    variants: tuple[str, ...]
    batch_size: int
    temperature: float
    activation: Activation
    inflate: float
    offsets: tuple[float, ...]
    check_norm: bool = Field(True, exclude=True)
    id: str | None = Field(None, exclude=True)
