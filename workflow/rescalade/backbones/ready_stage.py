"""The stage `ready`: a sparse retriever that others have trained, as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

from rescalade.atomic import atomic_folder
from rescalade.backbones.arrive import arrive
from rescalade.backbones.local_files import local_source
from rescalade.backbones.settings import ReadySettings
from rescalade.errors import UserError
from rescalade.models.model_files import is_retriever, model_files
from rescalade.stage import Call, Files


def run_ready(settings: ReadySettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Copy the files of a model, byte by byte: what it says of pooling, prompts and lengths goes with them.

    Args:
        outputs: `model`, the folder.

    Raises:
        UserError: it cannot be had, or nothing says that it is a sparse retriever.
    """
    with atomic_folder(outputs["model"]) as folder:
        if settings.path is not None:
            origin = local_source(settings.path)
            read, what = list[Path](), str(origin)
        else:
            arrived = arrive(settings, folder, call)
            origin, read, what = arrived.folder, list(arrived.files), str(settings.id)
        files = [path.relative_to(origin) for path in model_files(origin)]
        _check_retriever(what, origin, said=settings.trained)
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(origin / file, folder / file)
        call.record(folder / "record.json", read)


def _check_retriever(what: str, folder: Path, *, said: bool) -> None:
    if not any(file.suffix == ".safetensors" for file in model_files(folder)):
        raise UserError(
            f"model {what}: no weights as safetensors are there; load and save it once with a current transformers"
        )
    if not said and not is_retriever(folder):
        raise UserError(
            f"model {what}: no file of it says that it is a sparse retriever (no SpladePooling, no splade.json); if it "
            "is one, say `trained: true` in its entry, or `rescalade evaluate … --trained`; else train it in a `grid`"
        )
