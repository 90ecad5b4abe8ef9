"""Warnings of jobs: each kind is shown once as it comes; in the end it is said which jobs had others like it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rescalade.terminal.job import Job

NUMBER = re.compile(r"\d+(?:[.,]\d+)*(?:e[-+]?\d+)?")


class Warned:
    """Warnings so far."""

    def __init__(self) -> None:
        self.count = 0
        self._first: dict[tuple[str, str], str] = {}
        self._again: dict[tuple[str, str], list[str]] = {}

    def new(self, job: Job, lines: list[str]) -> Iterator[str]:
        """Of these lines of a job, those unlike any before: they differ by more than numbers, or in their stage."""
        for line in lines:
            self.count += 1
            kind = job.stage, NUMBER.sub("#", line)
            if kind in self._first:
                self._again[kind].append(job.title)
            else:
                self._first[kind], self._again[kind] = line, []
                yield f"{job.title}: {line}"

    def again(self) -> Iterator[str]:
        """A line for each kind that came more than once."""
        for kind, titles in self._again.items():
            if titles:
                jobs = ", ".join(dict.fromkeys(titles))
                yield f"{len(titles)} more like '{self._first[kind]}': {jobs}"
