"""Why a model of the hub did not arrive, in one line with the remedy."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from pathlib import Path

from rescalade.errors import UserError, nearest
from rescalade.models.refusals import in_words
from rescalade.published import load_published

LOGIN = "`hf auth login` or set HF_TOKEN"
OTHERWISE = "or use a folder with the model (source: local, path: FOLDER)"


def refusal(name: str, revision: str, error: Exception, known: Iterable[str]) -> UserError:
    """An error of huggingface_hub, of the connection or of the disk as one of ours.

    Args:
        known: ids of which, beside the paper's, the nearest is suggested where there is no such model.
    """
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return UserError(
            f"model {name} is gated: accept its licence or ask for access at https://huggingface.co/{name}, then "
            f"{LOGIN} and run again; {OTHERWISE}"
        )
    if isinstance(error, errors.DisabledRepoError):
        return UserError(f"model {name}: its owner has disabled it on the hub; use another one")
    if isinstance(error, errors.RevisionNotFoundError):
        return no_revision(name, revision)
    if isinstance(error, errors.RepositoryNotFoundError) or _status(error) == 401:
        backbones = load_published("rescaling").backbones.values()
        of_the_paper = [name for entry in backbones for name in entry.names if "/" in name]
        return UserError(
            f"model {name!r}: the hub shows no model of that name; {nearest(name, [*known, *of_the_paper])} If it is "
            f"private: {LOGIN}, with a token that may read it"
        )
    if isinstance(error, errors.HFValidationError):
        return UserError(f"model {name!r} is neither a folder here nor an id on the hub; expected owner/name")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            f"model {name}: the disk is full: {error.filename or 'cache of the hub'}; free space or set HF_HOME to "
            "another place and run again, it goes on where it stopped"
        )
    if _status(error) == 403:
        return UserError(f"model {name}: the hub refuses access to it (403); {LOGIN} with a token that may read it")
    return no_network(name, revision, in_words(error))


def no_revision(name: str, revision: str) -> UserError:
    """The model is there, the commit, branch or tag is not."""
    return UserError(
        f"model {name}: the hub has no revision {revision!r} of it; expected a commit from "
        f"https://huggingface.co/{name}/commits/main"
    )


def no_network(name: str, revision: str, why: str) -> UserError:
    """The model is not whole in the cache and the hub cannot be asked."""
    from huggingface_hub import constants

    return UserError(
        f"model {name} at {revision}: not whole in {constants.HF_HUB_CACHE}, and the hub cannot be reached ({why}). "
        "Run `snakemake --cores 1 prefetch` on a machine with network and take its cache and results along, "
        f"{OTHERWISE}"
    )


def no_safetensors(name: str, revision: str, files: Sequence[str]) -> UserError:
    """A revision with pickled weights only, or without any."""
    pickled = [file for file in files if file.endswith((".bin", ".pt", ".pth", ".h5", ".msgpack"))]
    found = f"only {', '.join(pickled[:3])}" if pickled else "no weights"
    return UserError(
        f"model {name} at {revision}: it has no safetensors weights ({found}), and pickled weights can run code and "
        "are not loaded. Use a later revision, or convert it once with save_pretrained and use source: local"
    )


def no_disk(name: str, place: Path, needed: str, free: str) -> UserError:
    """Too little room, known before the download."""
    return UserError(
        f"model {name}: {needed} are needed on the disk of {place}, {free} are free; free space, or set HF_HOME or "
        "--results to a folder on another disk"
    )


def _status(error: Exception) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)
