"""What a job's log tells while the job runs: how far it is, what it warns of, why it failed."""

from __future__ import annotations

import re
from pathlib import Path

from rescalade.progress import Shown, read_line

LONGEST_READ = 2**20
"""Bytes read at a time; of a log that grew by more, the rest is read the next time."""
WARNING = re.compile(
    r"^(WARNING|ERROR|CRITICAL|FATAL)\b|\b\w*Warning: |^\S*[Ww]arning: |^\[[Ww]arning\]|^Exception ignored "
)
"""Lines that warn: of Python's logging as our commands set it up, of Python's warnings, of programs in general."""
OWN_ERROR = "rescalade: error: "


class JobLog:
    """Reads a log on from where it was read last; the file may not be there yet, or hold an earlier try's text.

    progress: the last that the job told of itself. speed: what it gets done in a second; None where it told but once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.progress: Shown | None = None
        self.speed: float | None = None
        self._first: tuple[int, float] | None = None
        self._warnings: list[str] = []
        self._position = 0
        self._rest = b""

    def read(self, now: float, whole: bool = False) -> None:
        """Read what is new; `whole` takes all that is left, and a last line that has no end."""
        while True:
            try:
                with self.path.open("rb") as file:
                    if self._position > file.seek(0, 2):  # made anew
                        self._position, self._rest = 0, b""
                    file.seek(self._position)
                    new = file.read(LONGEST_READ)
            except OSError:
                return
            self._position += len(new)
            *lines, self._rest = (self._rest + new).replace(b"\r", b"\n").split(b"\n")
            if whole and not new:
                lines, self._rest = [*lines, self._rest], b""
            for line in lines:
                self._take(line.decode("utf-8", "replace").rstrip(), now)
            if not (whole and new):
                return

    def take_warnings(self) -> list[str]:
        """Warnings since the last call."""
        taken, self._warnings = self._warnings, []
        return taken

    def _take(self, line: str, now: float) -> None:
        if (shown := read_line(line)) is not None:
            done, since = self._first or (shown.done, now)
            if self.progress is None or shown.done < done:  # the first, or of other work than before
                done, since, self.speed = shown.done, now, None
            elif shown.done > done and now > since:
                self.speed = (shown.done - done) / (now - since)
            self.progress, self._first = shown, (done, since)
        elif WARNING.search(line):
            self._warnings.append(line.strip())


def error_line(path: Path) -> str | None:
    """Why a job failed, in one line: the last error of a command of ours, else the last line; None without any.

    A job that was killed, for want of memory for instance, leaves a line that is no error, and that is said.
    """
    try:
        lines = [line.strip() for line in path.read_text("utf-8", "replace").splitlines()]
    except OSError:
        return None
    own = [line for line in lines if line.startswith(OWN_ERROR)]
    if own:
        return own[-1].removeprefix(OWN_ERROR)
    last = next((line for line in reversed(lines) if line), None)
    if last is not None and (read_line(last) is not None or last.startswith("INFO ")):
        return f"ended without an error, as by a signal or for want of memory; its last line: {last}"
    return last
