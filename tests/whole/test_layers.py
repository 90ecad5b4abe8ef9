"""The packages stand in floors: `make lint` and these tests hold the contracts of pyproject.toml."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.graph import REPOSITORY

PACKAGE = REPOSITORY / "workflow" / "rescalade"


def lint(folder: Path) -> tuple[int, str]:
    """Exit status and words of the linter on the package inside the folder."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache", "--no-logo", REPOSITORY / "pyproject.toml"],
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_every_contract_is_kept() -> None:
    status, words = lint(PACKAGE.parent)
    assert status == 0, words


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("models/load.py", "from rescalade.training import settings", "rescalade.models.load -> rescalade.training"),
        # inside a function it is an import as well
        ("errors.py", "def late():\n    import rescalade.cli.main", "rescalade.errors -> rescalade.cli.main"),
        ("objective/loss.py", "import rescalade.texts.tokens", "rescalade.objective.loss -> rescalade.texts.tokens"),
        ("training/run.py", "import rescalade.retrieval.words", "rescalade.training.run -> rescalade.retrieval.words"),
        ("report/results/load.py", "import rescalade.report.pages.page", "results.load -> rescalade.report.pages.page"),
        ("kitchen/__init__.py", "", "rescalade.kitchen"),
    ],
    ids=[
        "upwards",
        "from the ground",
        "to a neighbour",
        "training",
        "inside the report",
        "a package on no floor",
    ],
)
def test_a_breach_is_found(tmp_path: Path, file: str, line: str, broken: str) -> None:
    shutil.copytree(PACKAGE, tmp_path / "rescalade", ignore=shutil.ignore_patterns("__pycache__"))
    target = tmp_path / "rescalade" / file
    target.parent.mkdir(exist_ok=True)
    target.write_text((target.read_text() if target.exists() else "") + f"\n{line}\n")
    status, words = lint(tmp_path)
    assert status == 1
    assert broken in words
