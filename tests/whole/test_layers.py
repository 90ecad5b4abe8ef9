"""The packages stand in floors: `make lint` and these tests hold the contracts of pyproject.toml."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

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


BREACHES = {
    "upwards": ("models/load.py", "from rescalade.training import settings", "models.load -> rescalade.training"),
    # inside a function it is an import as well
    "from the ground": ("errors.py", "def late():\n    import rescalade.cli.main", "errors -> rescalade.cli.main"),
    "to a neighbour": (
        "objective/loss.py",
        "import rescalade.texts.tokens",
        "objective.loss -> rescalade.texts.tokens",
    ),
    "training": ("training/run.py", "import rescalade.retrieval.words", "training.run -> rescalade.retrieval.words"),
    "inside the report": (
        "report/results/load.py",
        "import rescalade.report.pages.page",
        "report.results.load -> rescalade.report.pages",
    ),
}
"""By what is wrong: a file, what is added to it, and the linter's words."""


def test_every_breach_is_found(tmp_path: Path) -> None:
    """All at once: the linter names each, and reading the package is what takes its time."""
    shutil.copytree(PACKAGE, tmp_path / "rescalade", ignore=shutil.ignore_patterns("__pycache__"))
    for file, line, _ in BREACHES.values():
        target = tmp_path / "rescalade" / file
        target.write_text(f"{target.read_text()}\n{line}\n")
    status, words = lint(tmp_path)
    assert status == 1
    assert [name for name, (_, _, broken) in BREACHES.items() if f"rescalade.{broken}" not in words] == []


def test_a_package_on_no_floor_is_found(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "rescalade", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "rescalade" / "kitchen").mkdir()
    (tmp_path / "rescalade" / "kitchen" / "__init__.py").touch()
    status, words = lint(tmp_path)
    assert status == 1 and "rescalade.kitchen" in words


def test_tests_lie_by_package_and_import_none_of_their_own_modules() -> None:
    folders = {path.name for path in (REPOSITORY / "tests").iterdir() if any(path.glob("test_*.py"))}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders - packages == {"bench", "whole"}
    for path in (REPOSITORY / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.startswith(("test_", "conftest"))], path
