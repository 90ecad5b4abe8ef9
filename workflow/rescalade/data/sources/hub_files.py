"""Files of a data set on the hub: which ones a subset needs, fetched at a pinned commit into the hub's cache."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rescalade.errors import UserError

logger = logging.getLogger(__name__)


def fetch(identity: str, revision: str, subsets: Sequence[str]) -> Path:
    """Fetch the files of some subsets, resumed and checked by huggingface_hub, and say the size before.

    With HF_HUB_OFFLINE=1 only what the cache holds is used.

    Returns:
        The snapshot's folder.

    Raises:
        UserError: the data set, its revision or one of the subsets does not exist, or it is gated.
    """
    from huggingface_hub import snapshot_download

    card = Path(_told(snapshot_download, identity, revision, allow_patterns=["README.md"])) / "README.md"
    configs = _configs(card)
    patterns: list[str] = []
    for subset in subsets:
        if subset not in configs:
            known = ", ".join(sorted(configs)) or "none is declared in its README.md"
            raise UserError(f"hub data set {identity}: it has no subset {subset!r}; there are: {known}")
        patterns += configs[subset]
    return fetch_files(identity, revision, patterns)


def fetch_files(identity: str, revision: str, patterns: Sequence[str]) -> Path:
    """Fetch the files whose names are or match some patterns, and the card; as `fetch`, for sets without subsets."""
    from huggingface_hub import snapshot_download

    _say_size(identity, revision, patterns)
    return Path(_told(snapshot_download, identity, revision, allow_patterns=["README.md", *patterns]))


def _configs(card: Path) -> dict[str, list[str]]:
    """Patterns of the files of each subset, from the front matter of a data set's card."""
    from huggingface_hub import DatasetCard

    if not card.is_file():
        return {}
    found: dict[str, list[str]] = {}
    for config in DatasetCard.load(card).data.to_dict().get("configs", []):
        files = config.get("data_files", [])
        entries = [files] if isinstance(files, str) else files
        paths = [entry if isinstance(entry, str) else entry["path"] for entry in entries]
        found[config["config_name"]] = [p for path in paths for p in ([path] if isinstance(path, str) else path)]
    return found


def _say_size(identity: str, revision: str, patterns: Sequence[str]) -> None:
    """Log what is still to be fetched; nothing when offline, where nothing will be."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.constants import is_offline_mode

    if is_offline_mode():
        return
    files = _told(snapshot_download, identity, revision, allow_patterns=list(patterns), dry_run=True)
    size = sum(file.file_size for file in files if file.will_download)
    if size:
        logger.info("hub data set %s: %.2f GB to fetch", identity, size / 1e9)


def _told(call: Any, identity: str, revision: str, **arguments: Any) -> Any:
    """Call the hub; its own failures become one line."""
    from huggingface_hub import errors

    try:
        return call(identity, repo_type="dataset", revision=revision, **arguments)
    except errors.GatedRepoError:
        raise UserError(
            f"hub data set {identity}: it is gated; accept its terms at huggingface.co/datasets/{identity} and set "
            "HF_TOKEN, or run `hf auth login`"
        ) from None
    except errors.RevisionNotFoundError:
        raise UserError(f"hub data set {identity}: there is no revision {revision!r}; correct `revision`") from None
    except errors.RepositoryNotFoundError:
        raise UserError(
            f"hub data set {identity}: it does not exist, or is private and HF_TOKEN does not open it"
        ) from None
