"""Which files a piece of code opens, as the kernel sees it: by any library and in any thread (Linux's inotify)."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

IN_OPEN, IN_ISDIR = 0x20, 0x40000000
EVENT = struct.Struct("iIII")


class OpenedFiles:
    """Context manager; afterwards `paths` holds the files below some folders that were opened inside it.

    Folders that are made inside it are not watched: what lies in them was made there too.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._folders = [inner for folder in folders for inner in (folder, *folder.rglob("*")) if inner.is_dir()]
        self.paths: set[Path] = set()

    def __enter__(self) -> OpenedFiles:
        self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK)
        assert self._descriptor >= 0, os.strerror(ctypes.get_errno())
        self._watched = {
            self._libc.inotify_add_watch(self._descriptor, os.fsencode(folder), IN_OPEN): folder
            for folder in self._folders
        }
        assert -1 not in self._watched, os.strerror(ctypes.get_errno())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while events := os.read(self._descriptor, 2**20):
                self._take(events)
        except BlockingIOError:
            pass
        os.close(self._descriptor)

    def _take(self, events: bytes) -> None:
        place = 0
        while place < len(events):
            watch, mask, _, length = EVENT.unpack_from(events, place)
            name = events[place + EVENT.size : place + EVENT.size + length].rstrip(b"\0")
            place += EVENT.size + length
            assert watch in self._watched, "more events than the kernel keeps"
            if name and not mask & IN_ISDIR:
                self.paths.add(self._watched[watch] / os.fsdecode(name))
