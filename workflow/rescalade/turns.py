"""Processes that would make the same file at the same time take turns, so that one makes it and the others read it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait until no other process has its turn with `path`, and have it until the block ends.

    The lock is on `NAME.lock` beside the file, which stays there; the kernel frees it when its holder ends in whatever
    way. Where a file system has no locks nobody waits: the file is then made as often as it is asked for.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        with suppress(OSError, AttributeError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
