"""Processes that take turns."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

from rescalade.turns import turn


def append(path: Path) -> None:
    """Read, think, write: two at a time would lose a line."""
    with turn(path):
        found = path.read_text() if path.is_file() else ""
        time.sleep(0.05)
        path.write_text(found + "x")


def test_nobody_is_lost_where_three_change_a_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    processes = [multiprocessing.get_context("fork").Process(target=append, args=(path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert path.read_text() == "xxx"


def test_a_turn_ends_with_an_error(tmp_path: Path) -> None:
    for _ in range(2):
        try:
            with turn(tmp_path / "file"):
                raise ValueError
        except ValueError:
            pass
