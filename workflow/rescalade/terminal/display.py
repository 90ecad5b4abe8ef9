"""What every display is, and what all but Snakemake's own say in the same way."""

from __future__ import annotations

import logging
from logging import LogRecord
from typing import Protocol

from rich.console import Console

NOTHING_TO_DO = "Nothing to be done"
"""How Snakemake begins when it says so."""
CHATTER = (
    "Assuming unrestricted shared filesystem usage",
    "Building DAG of jobs",
    "Conda environments: ignored",
    "Select jobs to execute",
    "Using shell",
    "host:",
)
"""How lines begin that Snakemake writes in every call, whatever is asked for."""


class Display(Protocol):
    """Shows the records of a Snakemake call."""

    def show(self, record: LogRecord) -> None:
        """Take in one record."""

    def close(self) -> None:
        """End, as often as it is called."""


def event_of(record: LogRecord) -> str | None:
    """Name of the event that a record tells of; None where it is a message and no more."""
    event = getattr(record, "event", None)
    return None if event is None else str(event)


def show_message(console: Console, record: LogRecord, every: bool) -> None:
    """A message that tells of no event: warnings and errors always, others where `every` asks for them.

    Snakemake's log file has them all.
    """
    text = str(record.msg).strip()
    if text in ("", "None") or record.levelno <= logging.DEBUG:
        return
    if record.levelno >= logging.WARNING:
        say(console, text, "red" if record.levelno >= logging.ERROR else "yellow")
    elif every and not text.startswith(CHATTER):
        say(console, text)


def say(console: Console, text: str, style: str | None = None) -> None:
    """One line, which a terminal may break and a file does not."""
    console.print(text, style=style, soft_wrap=True)
