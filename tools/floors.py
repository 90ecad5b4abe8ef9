"""Draws the floors of the package into docs/developing.md: the contract of pyproject.toml and the imports there are.

    python tools/floors.py

Needs import-linter, of the extra `test`. A test says when the page is out of date.
"""

from __future__ import annotations

import ast
import re
import textwrap
import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "workflow" / "rescalade"
PAGE = ROOT / "docs" / "developing.md"
START, END = "<!-- floors: made by tools/floors.py -->", "<!-- end of the floors -->"
WIDTH = 116


def floors() -> list[list[str]]:
    """Names by floor, the roof first, without those that the contract knows and the package has not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["id"] == "floors")
    found = [[name for name in re.findall(r"\w+", layer) if _file(name)] for layer in layers]
    return [floor for floor in found if floor]


def imports() -> dict[str, set[str]]:
    """What each package or module at the top imports from others at the top, functions' imports included."""
    graph = grimp.build_graph("rescalade", cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in graph.modules - {"rescalade"}:
        name = module.split(".")[1]
        for other in graph.find_modules_directly_imported_by(module) - {"rescalade"}:
            if (target := other.split(".")[1]) != name:
                found.setdefault(name, set()).add(target)
    return found


def picture() -> str:
    """A floor between two lines; of each package what it is and, after the arrow, what it imports."""
    used, rows = imports(), floors()
    order = [name for floor in rows for name in floor]
    lines, room = [], max(map(len, order)) + 2
    for floor in rows:
        lines.append("─" * WIDTH)
        for name in floor:
            about = (ast.get_docstring(ast.parse(_file(name).read_text(encoding="utf-8"))) or "").split("\n\n")[0]  # type: ignore[union-attr]
            targets = sorted(used.get(name, ()), key=order.index)
            lines += _filled(name.ljust(room), about) + _filled(" " * room, f"→ {' '.join(targets)}" if targets else "")
    return "\n".join([*lines, "─" * WIDTH])


def page_with(text: str) -> str:
    """The page with this picture in place of the one that it has."""
    before, rest = PAGE.read_text(encoding="utf-8").split(START)
    return f"{before}{START}\n```text\n{text}\n```\n{END}{rest.split(END)[1]}"


def _file(name: str) -> Path | None:
    places = (PACKAGE / f"{name}.py", PACKAGE / name / "__init__.py")
    return next((path for path in places if path.is_file()), None)


def _filled(start: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=" " * len(start))


if __name__ == "__main__":
    PAGE.write_text(page_with(picture()), encoding="utf-8")
