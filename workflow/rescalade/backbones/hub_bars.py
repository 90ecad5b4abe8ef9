"""Shows the hub library's downloads through our own progress."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rescalade.progress import Progress


def bar_class(progress: Progress) -> type:
    """A class with the methods of a tqdm bar that shows nothing itself.

    The hub library makes three of them for one download: bytes received, bytes written, files. The bytes written are
    passed on, in megabytes: those that lay there from a broken download count at once.
    """

    class Bar:
        _lock = threading.Lock()

        def __init__(self, iterable: Iterable[Any] | None = None, *_: Any, **options: Any) -> None:
            self._iterable = iterable
            self.total: int | None = options.get("total")
            self.n = int(options.get("initial") or 0)
            self._shown = options.get("unit") == "B" and str(options.get("desc", "")).startswith("Reconstruct")

        def update(self, step: float | None = 1) -> None:
            with self._lock:  # files arrive in several threads
                self.n += int(step or 0)
                if self._shown and self.total:
                    progress(int(self.n / 1e6), max(1, int(self.total / 1e6)), {})

        def __iter__(self) -> Iterator[Any]:
            return iter(self._iterable or ())

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def __getattr__(self, name: str) -> Callable[..., None]:
            """Descriptions, rates and refreshes: taken and dropped."""
            if name.startswith("__"):
                raise AttributeError(name)
            return lambda *_, **__: None

    return Bar
