"""docs/developing.md shows the code that there is; documents name no module that has moved."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import floors
from support.graph import REPOSITORY

PAGES = [*sorted((REPOSITORY / "docs").glob("*.md")), REPOSITORY / "README.md"]
PACKAGE = REPOSITORY / "workflow" / "rescalade"


def test_the_picture_of_the_floors_is_made_anew() -> None:
    assert floors.page_with(floors.picture()) == floors.PAGE.read_text(encoding="utf-8"), "python tools/floors.py"


def test_every_package_stands_in_the_picture_above_what_it_imports() -> None:
    """Counted from the folder and from the lines of the page, not from the contract."""
    picture = floors.PAGE.read_text(encoding="utf-8").split(floors.START)[1].split(floors.END)[0]
    drawn = re.findall(r"^(\w+) ", picture, re.MULTILINE)
    made = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert made <= set(drawn) and len(drawn) == len(set(drawn))
    name = ""
    for line in picture.splitlines():
        if found := re.match(r"(\w+) ", line):
            name = found[1]
        elif "→" in line:
            assert all(drawn.index(other) > drawn.index(name) for other in line.split("→")[1].split()), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_of_code_that_a_page_names_are_there(page: Path) -> None:
    """Paths in backticks with a folder: from the top of the repository, or inside the package."""
    named = re.findall(r"`((?:[\w-]+/)+[\w-]+\.(?:py|smk|sh))`", page.read_text(encoding="utf-8"))
    assert [path for path in named if not any((top / path).exists() for top in (REPOSITORY, PACKAGE))] == []
