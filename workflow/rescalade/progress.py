"""Progress of long work: a bar on a terminal, plain lines in a log, both with the time that is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

Progress = Callable[[int, int, dict[str, float]], None]
"""Called with what is done, of how much, and a few numbers worth watching by name."""
EVERY_SECONDS = 10.0


class Reporter:
    """A `Progress` that shows what a reader can follow, however often it is called."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._console = Console(file=sys.stderr)
        self._start = time.monotonic()
        self._first: int | None = None
        self._last = 0.0
        self._bar: Bar | None = None

    def __enter__(self) -> Reporter:
        if self._console.is_terminal:
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[values]}"),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._title, total=None, values="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int, values: dict[str, float]) -> None:
        """Show the state; `values` are a few numbers worth watching."""
        now = time.monotonic()
        if self._first is None:  # resumed work must not count as done in this process
            self._first, self._start = done, now
        text = " ".join(f"{name} {value:.4g}" for name, value in list(values.items())[:4])
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, values=text)
        elif now - self._last >= EVERY_SECONDS or done == total:
            self._last = now
            self._console.print(
                f"{self._title}: {done}/{total}{self._left(done, total, now)} {text}".rstrip(), soft_wrap=True
            )

    def _left(self, done: int, total: int, now: float) -> str:
        advanced = done - (self._first or 0)
        if advanced <= 0 or done >= total:
            return ""
        seconds = (now - self._start) / advanced * (total - done)
        return f", {seconds:.0f} s left" if seconds < 120 else f", {seconds / 60:.0f} min left"
