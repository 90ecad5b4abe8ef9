"""Snakemake's own output."""

from __future__ import annotations

from logging import Handler, LogRecord


class Plain:
    """Everything as Snakemake shows it where there is no logger."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def show(self, record: LogRecord) -> None:
        """As it is."""
        self._handler.handle(record)

    def close(self) -> None:
        """Nothing to add."""
        self._handler.flush()
