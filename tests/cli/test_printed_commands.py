"""Commands that the documents print are ones that the command line takes: names, options and how many words."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from rescalade.cli.main import built

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))


def commands(path: Path) -> list[str]:
    """Lines of code blocks, and code inside sentences, that are a whole command: a name or an option alone is none."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    found = [line.split("  #")[0].strip() for line in lines if re.match(r"(\.venv/bin/)?rescalade [a-z0-9]+ ", line)]
    return [line for line in found if not re.search(r"…|\.\.\.|\[|\||^\S+ \S+ --[a-z-]+$", line)]


ALL = sorted({command for path in DOCUMENTS for command in commands(path)})


@pytest.mark.parametrize("command", ALL)
def test_command_is_one_that_there_is(command: str) -> None:
    name, *arguments = shlex.split(command)[1:]
    found = built().commands.get(name)
    assert found is not None, f"there is no command {name}"
    try:
        found.make_context(name, arguments)
    except typer.Exit:  # --help
        pass
    except Exception as error:  # noqa: BLE001  # of whichever Click typer brings
        pytest.fail(f"{command}: {error}")


def test_commands_are_found() -> None:
    assert len(ALL) > 30 and any(command.startswith("rescalade search MODEL") for command in ALL)
