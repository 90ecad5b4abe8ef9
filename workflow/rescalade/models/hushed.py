"""Loading without transformers' own table of what a checkpoint lacks or has in surplus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hushed() -> Iterator[None]:
    """Let transformers say errors alone: what a head lacks is one line of ours, a pooler in surplus is no news."""
    from transformers.utils import logging

    logging.disable_progress_bar()  # loading takes a second; the stages show their own progress
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
