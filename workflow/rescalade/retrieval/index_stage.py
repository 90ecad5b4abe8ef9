"""The stage `index`."""

from __future__ import annotations

from rescalade.atomic import atomic_folder, sha256
from rescalade.errors import UserError
from rescalade.retrieval.settings import IndexSettings
from rescalade.retrieval.storage import write_index
from rescalade.stage import Call, Files
from rescalade.vectors.file_names import MANIFEST
from rescalade.vectors.manifest import CorpusShards


def run_index(settings: IndexSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Invert the encoded documents of a data set.

    Args:
        inputs: `vectors`.
        outputs: `index`.
        call: machine.memory_mb is for postings, beside one shard of vectors.

    Raises:
        UserError: the folder holds queries alone; or a file of it is damaged.
    """
    vectors = inputs["vectors"]
    shards = CorpusShards(vectors)
    if shards.folder != vectors:
        raise UserError(
            f"{vectors.name} has the documents of {shards.folder.name}, whose index its queries are searched in; "
            f"run `rescalade index {call.names['run']} {shards.folder.name}`"
        )
    manifest = shards.manifest
    with atomic_folder(outputs["index"]) as output:
        write_index(
            output,
            shards,
            manifest.vocabulary,
            model=manifest.model,
            vectors=sha256(vectors / MANIFEST),
            memory_mb=call.machine.memory_mb,
        )
        call.record(output / "record.json")
