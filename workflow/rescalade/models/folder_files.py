"""The small files of a model folder that others have made: read, or refused in one line that asks for no deletion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rescalade.errors import UserError
from rescalade.models.model_files import belongs

_POINTER = b"version https://git-lfs.github.com/spec/"
_POINTER_BYTES = 1024
"""A Git LFS pointer is shorter than this, by its specification."""
_MARK = b"\xef\xbb\xbf"


def check_files(name: str | Path) -> None:
    """Refuse a model folder whose files arrived in a form that no library reads; a hub id passes.

    Raises:
        UserError: a file is a Git LFS pointer, or a JSON file begins with a byte-order mark.
    """
    for path, start in _starts(Path(name)):
        if start.startswith(_POINTER) and path.stat().st_size < _POINTER_BYTES:
            raise UserError(
                f"{path} is a Git LFS pointer, not the file that it stands for; run `git lfs pull` where the model was "
                "cloned"
            )
        if start.startswith(_MARK) and path.suffix == ".json":
            raise UserError(
                f"{path} begins with a byte-order mark, which transformers cannot read; save it as UTF-8 without one"
            )


def _starts(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """The files at the top of a folder that belong to a model, with their first bytes, by name."""
    for path in sorted(folder.glob("*")):
        if belongs(path.name) and path.is_file():
            with path.open("rb") as stream:
                yield path, stream.read(len(_POINTER))


def own_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a model folder; empty where there is no file.

    Raises:
        UserError: it cannot be read, is not JSON, or is no object.
    """
    found = own_value(path)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UserError(f"{path}: expected a JSON object, found {type(found).__name__}; correct it")
    return found


def own_value(path: Path) -> Any:
    """The value in a JSON file of a model folder; None where there is no file.

    Raises:
        UserError: it cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path} is not JSON (line {error.lineno}: {error.msg}); correct it, or copy it again from where the "
            "model came from"
        ) from None
    except RecursionError:
        raise UserError(f"{path} is nested too deep; copy it again from where the model came from") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({' '.join(str(error).split())})") from None
