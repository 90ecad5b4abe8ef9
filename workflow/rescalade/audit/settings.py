"""What decides the audit of a backbone."""

from __future__ import annotations

from pydantic import Field

from rescalade.texts.text_settings import TextSettings


class AuditSettings(TextSettings):
    """The stage `audit`. check_norm and id decide whether it stops, never what it measures: they are not recorded.

    train_on: data set whose text is used. variants: names of what is tried beside the audit's own grid. inflate: factor
    on the head of an inflated backbone, else 1.
    """

    train_on: str
    variants: tuple[str, ...]
    batch_size: int
    temperature: float
    inflate: float
    check_norm: bool = Field(True, exclude=True)
    id: str | None = Field(None, exclude=True)
