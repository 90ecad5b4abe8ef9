"""`rescalade encode` for texts of one's own: a run, any model folder or hub id, and a file of texts."""

from __future__ import annotations

import json
from pathlib import Path

from rescalade.cli.context import Context
from rescalade.cli.model_places import model_place
from rescalade.errors import UserError
from rescalade.pipeline.digest import code_digest
from rescalade.pipeline.records import Recorder
from rescalade.pipeline.stage_row import as_json
from rescalade.progress import Reporter


def encode_own_texts(
    context: Context,
    model_or_run: str,
    texts: Path | None,
    queries: Path | None,
    out: Path | None,
    surplus: str,
    revision: str | None = None,
) -> None:
    """Encode a file of documents, one of queries, or both, into a folder laid out like the vectors of a data set.

    Raises:
        UserError: an option is missing, the output folder holds something else, or the model gives weights that are
            not finite.
    """
    from rescalade.encoding.encode import EncodeJob
    from rescalade.encoding.settings import EncodeSettings
    from rescalade.encoding.work_folder import WorkFolder
    from rescalade.texts.own_texts import no_texts, read_texts

    if surplus:
        raise UserError(f"{surplus!r}: either a data set or --texts, --queries and --out can be given, not both")
    if out is None or (texts is None and queries is None):
        raise UserError("expected a data set, or --texts FILE (or --queries FILE) with --out FOLDER")
    out = out.absolute()
    if out.exists() and not (out / "manifest.json").is_file():
        raise UserError(f"{out} is there and holds no encoded texts; choose another --out")
    place = model_place(context.paths, model_or_run, revision)
    settings = EncodeSettings()
    job = EncodeJob(
        place.folder,
        no_texts() if texts is None else read_texts(texts),
        no_texts() if queries is None else read_texts(queries),
        settings,
        work=WorkFolder(out.with_name(f"{out.name}.encoding"), earlier=out),
        code=code_digest("encode"),
    )
    inputs = {name: path for name, path in (("texts", texts), ("queries", queries)) if path is not None}
    said = json.dumps({"model": place.named, **json.loads(as_json(settings))})
    recorder = Recorder("encode", said, code_digest("encode"), inputs)
    with Reporter(f"encode {out}") as progress:
        manifest = job.encode(context.machine.devices(), progress, finite=True)
    recorder.write(job.work.folder / "record.json")
    job.work.publish({*manifest.sha256, "manifest.json", "record.json"}, out)
