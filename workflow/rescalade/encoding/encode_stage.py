"""The stage `encode`, whole or one shard of the corpus by a job of its own."""

from __future__ import annotations

from rescalade.encoding.encode import EncodeJob
from rescalade.encoding.settings import EncodeSettings
from rescalade.encoding.work_folder import WorkFolder
from rescalade.errors import UserError
from rescalade.progress import Reporter
from rescalade.stage import Call, Files
from rescalade.texts.text_parts import folder_texts
from rescalade.vectors.file_names import MANIFEST
from rescalade.vectors.shared_corpus import check_same_corpus


def run_encode(settings: EncodeSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Encode what no shard's job and no killed process has finished, write the manifest and publish the folder.

    Args:
        inputs: `model`; `corpus`, `queries` and `manifest` of the data set; `shared_manifest`, of the data set that
            settings.corpus names, where it does.
        outputs: `vectors`, whose finished files are taken where they would come out the same.
        call: with the caches `encoding`, where files grow, and `tokens`.

    Raises:
        UserError: data set and settings do not fit together, a file of it is damaged, or the model does not load.
    """
    if settings.corpus is not None:
        check_same_corpus(inputs["manifest"].parent, inputs["shared_manifest"].parent)
    job = _job(settings, inputs, call, WorkFolder(call.caches["encoding"], earlier=outputs["vectors"]))
    with Reporter(call.title) as progress:
        manifest = job.encode(call.machine.devices(), progress)
    call.record(job.work.folder / "record.json")
    job.work.publish({*manifest.sha256, MANIFEST, "record.json"}, outputs["vectors"])


def run_encode_shard(settings: EncodeSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Encode the shard that `call.names["shard"]` counts from 0, into the folder that `run_encode` publishes.

    Args:
        inputs: as of `run_encode`, without `shared_manifest`.
        outputs: `shard`, the file, and `digest`, its sha256.
        call: with the caches `tokens` and `vectors`, an earlier encoding of the data set.

    Raises:
        UserError: as `run_encode`; or there is no such shard.
    """
    work = WorkFolder(outputs["shard"].parent, earlier=call.caches.get("vectors"))
    job = _job(settings, inputs, call, work)
    with Reporter(call.title) as progress:
        job.encode_shard(int(call.names["shard"]), call.machine.devices()[0], progress)


def _job(settings: EncodeSettings, inputs: Files, call: Call, work: WorkFolder) -> EncodeJob:
    data = inputs["manifest"].parent
    documents, queries = folder_texts(data)
    if settings.documents not in (None, documents.count):  # the graph's jobs would not cover its shards
        raise UserError(
            f"datasets.{data.name}.documents says {settings.documents}, the corpus has {documents.count}; correct it"
        )
    return EncodeJob(
        inputs["model"], documents, queries, settings, work=work, tokens=call.caches.get("tokens"), code=call.code
    )
