"""Progress of long work: a bar on a terminal, plain lines in a log, both with the time that is left."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

Progress = Callable[[int, int, dict[str, float]], None]
"""Called with what is done, of how much, and a few numbers worth watching by name."""
EVERY_SECONDS = 10.0
"""Most seconds between two lines of a log; in the beginning they come after a tenth of the time so far."""
FIRST_SECONDS = 1.0
LINE = re.compile(
    r"(?P<title>.+): (?P<done>\d+)/(?P<total>\d+)(?:, (?P<left>\d+) (?P<unit>s|min) left)?(?P<values>( \S+)*)"
)
HEADLINE = re.compile(r"INFO headline: (.*)")


@dataclass(frozen=True)
class Shown:
    """What a line of a log told. seconds_left: None where it did not say. values: numbers by name."""

    done: int
    total: int
    seconds_left: float | None
    values: Mapping[str, float]


def read_line(line: str) -> Shown | None:
    """What a `Reporter` wrote in a log; None for any other line."""
    found = LINE.fullmatch(line)
    if found is None:
        return None
    words = found["values"].split()
    try:
        values = {name: float(value) for name, value in zip(words[::2], words[1::2], strict=True)}
    except ValueError:
        return None
    left = None if found["left"] is None else float(found["left"]) * (60.0 if found["unit"] == "min" else 1.0)
    return Shown(int(found["done"]), int(found["total"]), left, values)


def headline(text: str) -> str:
    """What a stage logs, at level INFO, to be shown where a whole call ends."""
    return f"headline: {text}"


def read_headline(line: str) -> str | None:
    """The text of a headline in a log; None for any other line."""
    found = HEADLINE.fullmatch(line)
    return None if found is None else found[1]


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
        elif now - self._last >= self._pause(now) or done == total:
            self._last = now
            self._console.print(
                f"{self._title}: {done}/{total}{self._left(done, total, now)} {text}".rstrip(), soft_wrap=True
            )

    def _pause(self, now: float) -> float:
        return min(EVERY_SECONDS, max(FIRST_SECONDS, (now - self._start) / 10))

    def _left(self, done: int, total: int, now: float) -> str:
        advanced = done - (self._first or 0)
        if advanced <= 0 or done >= total:
            return ""
        seconds = (now - self._start) / advanced * (total - done)
        return f", {seconds:.0f} s left" if seconds < 120 else f", {seconds / 60:.0f} min left"
