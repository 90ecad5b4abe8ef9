"""The stage `ready`: a sparse retriever that others have trained, as it is."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from rescalade.atomic import atomic_folder
from rescalade.backbones.arrive import arrive
from rescalade.backbones.local_files import model_files
from rescalade.backbones.settings import ReadySettings
from rescalade.backbones.wanted_files import is_retriever
from rescalade.errors import UserError
from rescalade.models.refusals import check_no_adapter
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
            origin = _folder(settings.path)
            read, what, found = list[Path](), str(origin), model_files(origin)
        else:
            arrived = arrive(settings, folder, call)
            origin, read, what, found = arrived.folder, list(arrived.files), str(settings.id), arrived.files
        files = [path.relative_to(origin) for path in found]
        _check_retriever(what, [file.as_posix() for file in files], said=settings.trained)
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(origin / file, folder / file)
        call.record(folder / "record.json", read)


def _folder(path: str) -> Path:
    """A folder given in the configuration.

    Raises:
        UserError: it is not a model folder.
    """
    folder = Path(path).expanduser()
    check_no_adapter(folder)
    if not any((folder / name).is_file() for name in ("config.json", "modules.json")):
        raise UserError(f"model {folder}: neither config.json nor modules.json is there; expected a model's folder")
    return folder


def _check_retriever(what: str, files: Sequence[str], *, said: bool) -> None:
    if not any(file.endswith(".safetensors") for file in files):
        raise UserError(
            f"model {what}: no weights as safetensors are there; load and save it once with a current transformers"
        )
    if not said and not is_retriever(files):
        raise UserError(
            f"model {what}: no file of it says that it is a sparse retriever (no SpladePooling, no splade.json); if it "
            "is one, say `trained: true` in its entry, or `rescalade evaluate … --trained`; else train it in a `grid`"
        )
