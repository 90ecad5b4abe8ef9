"""The command line called in this process and in another."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rescalade.cli import main

REPOSITORY = Path(__file__).parents[2]


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    """Status and the lines on standard error that are not logging."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["rescalade", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(("INFO", "DEBUG"))]
    return int(ended.value.code or 0), lines


def run(*arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["rescalade", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    assert not ended.value.code
