"""The packages stand in floors: `make lint` and these tests hold the contracts of pyproject.toml."""

from __future__ import annotations

import ast
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


def test_tests_lie_by_package_and_import_none_of_their_own_modules() -> None:
    folders = {path.name for path in (REPOSITORY / "tests").iterdir() if any(path.glob("test_*.py"))}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders - packages == {"bench", "whole"}
    for path in (REPOSITORY / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.startswith(("test_", "conftest"))], path
