"""The stage `collection`: makes a data set's corpus, queries and relevance judgements, and the triples it brings."""

from __future__ import annotations

from typing import Any

from pydantic import SerializeAsAny, field_serializer, field_validator

from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.protocol import Protocol
from rescalade.data.source_config import SourceConfig
from rescalade.progress import Reporter
from rescalade.stage import Call, Files
from rescalade.strict import Name, Strict


class CollectionSettings(Strict):
    """What decides the files of a data set.

    Keys of its entry that later stages read are at their defaults here; of its source only the keys that this stage
    reads are recorded, and not how many documents are expected, which refuses a data set and changes none.
    """

    dataset: Name
    entry: SerializeAsAny[DatasetConfig]
    source: SerializeAsAny[SourceConfig]

    @field_validator("entry")
    @classmethod
    def _without_protocol(cls, entry: DatasetConfig) -> DatasetConfig:
        return entry.model_copy(update={name: field.default for name, field in Protocol.model_fields.items()})

    @field_serializer("entry")
    def _recorded(self, entry: DatasetConfig) -> dict[str, Any]:
        return entry.model_dump(mode="json", exclude={*Protocol.model_fields, "documents"}, exclude_defaults=True)

    @field_serializer("source")
    def _recorded_source(self, source: SourceConfig) -> dict[str, Any]:
        return source.model_dump(mode="json", include={"kind", *source.collection_keys})


def run_collection(settings: CollectionSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Make the files of a data set, all of them in the folder of `manifest`; nothing appears before all is checked.

    Args:
        settings: its entry and its source.
        inputs: source (the folder of a source that has a stage), path (of local files), shared_corpus and
            shared_manifest (of the data set whose documents this one has); each only where there is such.
        outputs: corpus, queries, qrels, given (training triples that it brings, else an empty table), manifest, record.
        call: see `Call`.

    Raises:
        UserError: the data cannot be had, or are not what the entry declares.
    """
    from rescalade.data.writer import write_streams

    name, entry = settings.dataset, settings.entry
    streams = entry.open(name, settings.source, inputs.get("source"))
    shared = inputs["shared_corpus"].parent if entry.corpus is not None else None
    with Reporter(call.title) as progress:
        write_streams(outputs["manifest"].parent, name, entry, streams, shared, progress)
    call.record(outputs["record"])
