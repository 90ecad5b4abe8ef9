"""Functions that numba compiles, and where the compiled code is kept between processes."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(**options: Any) -> Callable[[Function], Function]:
    """Declare a function that is compiled when it is first called, and kept on disk for later processes.

    numba keeps it under NUMBA_CACHE_DIR where that is set, else beside the module, else in the user's cache folder.
    Where none of these can be written, as in a read-only container, it is kept in a folder of this user under the
    temporary directory; where that cannot be had either, every process compiles for itself, in seconds.

    Args:
        options: of numba.njit, nogil and fastmath say.
    """

    def declared(function: Function) -> Function:
        try:
            made: Function = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # numba's, "cannot cache function ...: no locator available"
            made = _elsewhere(function, options)
        return made

    return declared


def _elsewhere(function: Function, options: dict[str, Any]) -> Function:
    folder, settings = temporary_cache(), cast(Any, numba.config)
    if folder is None:
        plain: Function = numba.njit(**options)(function)
        return plain
    before, settings.CACHE_DIR = settings.CACHE_DIR, str(folder)  # read when the function is declared
    try:
        made: Function = numba.njit(cache=True, **options)(function)
    except RuntimeError:
        made = numba.njit(**options)(function)
    finally:
        settings.CACHE_DIR = before
    return made


@cache
def temporary_cache() -> Path | None:
    """A folder under the temporary directory that this user alone can write; None where there can be none.

    What lies in it is loaded as code, so a folder that somebody else made under that name is not taken.
    """
    try:
        folder = Path(tempfile.gettempdir()) / f"rescalade-numba-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return folder if own and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) else None
