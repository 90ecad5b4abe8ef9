"""The stage `source`: fetches or reads once what several data sets are taken from."""

from __future__ import annotations

from typing import Any

from pydantic import SerializeAsAny, field_serializer

from rescalade.atomic import atomic_folder
from rescalade.data.source_config import SourceConfig
from rescalade.stage import Call, Files
from rescalade.strict import Name, Strict


class SourceSettings(Strict):
    """What decides a source's folder; of the source itself only the keys that this stage reads are recorded.

    wanted: what all data sets of the configuration take from it, sorted.
    """

    name: Name
    source: SerializeAsAny[SourceConfig]
    wanted: tuple[str, ...] = ()

    @field_serializer("source")
    def _recorded(self, source: SourceConfig) -> dict[str, Any]:
        return source.model_dump(mode="json", include={"kind", *source.stage_keys})


def run_source(settings: SourceSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Make the folder of a source.

    Args:
        settings: of a source whose kind has a stage.
        inputs: none.
        outputs: folder.
        call: its threads are the processes that may be started.

    Raises:
        UserError: it fails, by its kind.
    """
    with atomic_folder(outputs["folder"]) as folder:
        settings.source.make(folder, settings.wanted, call.machine.threads)
        call.record(folder / "record.json")
