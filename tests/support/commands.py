"""The command line called in this process and in another."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from rescalade.cli import main

REPOSITORY = Path(__file__).parents[2]


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    """Status and the lines on standard error that are not logging."""
    status = _ended(*arguments)
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(("INFO", "DEBUG"))]
    return status, lines


def run(*arguments: str) -> None:
    assert not _ended(*arguments)


def _ended(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["rescalade", *arguments])
        patch.setattr(os, "cpu_count", lambda: 1)  # an audit takes every core, for which the test processes would fight
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)
