"""Models from the Hugging Face hub: which files are wanted, and their download into the hub's own cache.

Weights arrive as safetensors only. Pickles, ONNX files and code are never asked for. What the cache holds whole is not
looked up again, so a pinned model needs the network once.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.backbones.hub_bars import bar_class
from rescalade.backbones.hub_lock import HubLock
from rescalade.backbones.hub_refusals import no_disk, no_network, no_revision, no_safetensors, refusal
from rescalade.errors import UserError
from rescalade.models.model_files import MODULES, belongs, file_in, is_whole, listed_folders, model_files
from rescalade.progress import Reporter

if TYPE_CHECKING:
    from huggingface_hub import HfApi

log = logging.getLogger(__name__)

REACH_SECONDS = 10.0
COMMIT = re.compile(r"[0-9a-f]{40}")
SHORT_COMMIT = re.compile(r"[0-9a-f]{7,39}")
"""A commit as the hub's pages print it. It names one commit, but has to be looked up."""


@dataclass(frozen=True)
class Arrived:
    """A model that lies whole in the cache.

    id: owner/name. asked: the revision of the configuration. commit: 40 digits. folder: its snapshot.
    """

    id: str
    asked: str
    commit: str
    folder: Path

    @property
    def files(self) -> list[Path]:
        """The files of the model, by name."""
        return model_files(self.folder)


def fetch(
    name: str,
    revision: str = "main",
    *,
    lock: HubLock | None = None,
    known: Iterable[str] = (),
    copy_to: Path | None = None,
) -> Arrived:
    """Have a model of the hub in the cache, and say how large it is before anything is downloaded.

    A broken download goes on where it stopped. HF_HUB_OFFLINE=1 allows what the cache holds, and nothing else.

    Args:
        name: owner/name.
        revision: a commit, whole or its first digits; or a branch or tag, which may move.
        lock: remembers the commit of a revision that is not a whole commit, so that later calls use the same.
        known: ids to suggest beside the paper's where there is no model of that name.
        copy_to: where the weights will be written once more; its disk is checked too.

    Raises:
        UserError: no network, no such model or revision, no access, no safetensors, or too little disk.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils._validators import validate_repo_id

    pinned = revision if COMMIT.fullmatch(revision) else (lock.read(name, revision) if lock else None)
    cached: Arrived | None = None
    try:
        validate_repo_id(name)
        commit = pinned or _cached_commit(name, revision)
        cached = None if commit is None else _cached(name, revision, commit)
        if cached is not None and _modules_known(cached.folder):
            return _kept(cached, lock)
        if _offline():
            raise no_network(name, revision, "HF_HUB_OFFLINE is set")
        _reach()
        api = HfApi()
        commit = pinned or _look_up(api, name, revision)
        arrived = _download(api, name, revision, commit, copy_to)
    except Exception as error:  # noqa: BLE001  # errors of the hub, of httpx2, of xet and of the disk
        if cached is None:
            raise (error if isinstance(error, UserError) else refusal(name, revision, error, known)) from None
        log.warning(
            "model %s: whether the hub has modules.json of it, which would say how it pools, cannot be asked now; the "
            "cache has none and it is taken as a plain checkpoint",
            name,
        )
        arrived = cached
    return _kept(arrived, lock)


def snapshot(name: str, commit: str) -> Path:
    """Folder of a commit in the hub's cache, present or not."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type="model") / "snapshots" / commit


def _cached(name: str, asked: str, commit: str) -> Arrived | None:
    """What the cache holds whole of a model."""
    folder = snapshot(name, commit)
    return Arrived(name, asked, commit, folder) if is_whole(folder) else None


def _modules_known(folder: Path) -> bool:
    """Whether a snapshot has all modules of sentence-transformers that it is made of, or is known to have none.

    Other programs leave the weights alone in the cache; pooling and prompts would then be taken for the usual ones.
    """
    try:
        listed = listed_folders(file_in(folder))
    except FileNotFoundError:
        return _no_modules(folder).exists()
    return listed is not None and all((folder / name).exists() for name in listed)


def _no_modules(folder: Path) -> Path:
    """Where huggingface_hub itself notes that a commit has no such file."""
    return folder.parents[1] / ".no_exist" / folder.name / MODULES


def _kept(arrived: Arrived, lock: HubLock | None) -> Arrived:
    if lock is not None and arrived.asked != arrived.commit:
        lock.write(arrived.id, arrived.asked, arrived.commit)
    return arrived


def _offline() -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def _reach() -> None:
    """Ask the hub for anything, once: the library itself would try for half a minute where there is no network."""
    from huggingface_hub import constants, get_session

    get_session().head(constants.ENDPOINT, timeout=REACH_SECONDS)


def _cached_commit(name: str, revision: str) -> str | None:
    """The commit that the cache knows for a short commit; for a branch only offline, since it may have moved."""
    snapshots = snapshot(name, "").resolve()
    if SHORT_COMMIT.fullmatch(revision):
        found = [path.name for path in snapshots.glob(f"{revision}*") if COMMIT.fullmatch(path.name)]
        return found[0] if len(found) == 1 else None
    reference = snapshots.parent / "refs" / revision
    return reference.read_text().strip() if _offline() and reference.is_file() else None


def _look_up(api: HfApi, name: str, revision: str) -> str:
    """The whole commit behind a short one, a branch or a tag."""
    if not SHORT_COMMIT.fullmatch(revision):
        return str(api.model_info(name, revision=revision).sha)
    commits = [commit.commit_id for commit in api.list_repo_commits(name)]
    found = [commit for commit in commits if commit.startswith(revision)]
    if len(found) != 1:
        raise no_revision(name, revision)
    return found[0]


def _download(api: HfApi, name: str, asked: str, commit: str, copy_to: Path | None) -> Arrived:
    from huggingface_hub import RepoFile, hf_hub_download, snapshot_download

    files = [item for item in api.list_repo_tree(name, revision=commit, recursive=True) if isinstance(item, RepoFile)]
    paths = {file.path for file in files}

    def file_of(path: str) -> Path | None:
        return Path(hf_hub_download(name, path, revision=commit)) if path in paths else None

    # first of all: modules.json and a router may give the folders of their modules any name
    listed = (listed_folders(file_of) or []) if MODULES in paths else []
    chosen = [file for file in files if belongs(file.path, listed)]
    if not any(file.path.endswith(".safetensors") for file in chosen):
        raise no_safetensors(name, asked, [file.path for file in files])
    folder = snapshot(name, commit)
    if MODULES not in paths:
        _no_modules(folder).parent.mkdir(parents=True, exist_ok=True)
        _no_modules(folder).touch()
    missing = sum(file.size for file in chosen if not (folder / file.path).exists())
    weights = sum(file.size for file in chosen if file.path.endswith(".safetensors"))
    _check_room(name, folder, missing, copy_to, weights)
    log.info(
        "%s at %s: %s of %s in %d files to download into %s",
        name,
        commit[:12],
        megabytes(missing),
        megabytes(sum(file.size for file in chosen)),
        len(chosen),
        folder.parents[1],
    )
    with Reporter(f"download {name}, MB") as progress:
        found = snapshot_download(
            name,
            revision=commit,
            allow_patterns=[file.path for file in chosen],
            tqdm_class=bar_class(progress),
        )
    if not is_whole(Path(found)):
        raise UserError(
            f"model {name} at {asked}: what arrived in {found} is not a whole model; expected config.json, weights as "
            "safetensors and a tokenizer. Use another revision"
        )
    return Arrived(name, asked, commit, Path(found))


def _check_room(name: str, cache: Path, download: int, copy_to: Path | None, weights: int) -> None:
    """Refuse before the first byte: the cache takes the download, the results a copy of the weights."""
    asked: dict[int, tuple[Path, int]] = {}
    for place, size in ((cache, download), (copy_to, weights)):
        if place is not None and size:
            existing = next(folder for folder in (place.absolute(), *place.absolute().parents) if folder.exists())
            disk = existing.stat().st_dev
            asked[disk] = (existing, asked.get(disk, (existing, 0))[1] + size)
    for place, size in asked.values():
        free = shutil.disk_usage(place).free
        if free < size:
            raise no_disk(name, place, megabytes(size), megabytes(free))


def megabytes(size: int) -> str:
    """`512 MB`, `1.2 GB`, `0.03 MB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.{0 if size >= 1e7 else 2}f} MB"
