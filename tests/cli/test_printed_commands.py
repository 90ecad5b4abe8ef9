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


SOURCES = sorted((REPOSITORY / "workflow" / "rescalade").rglob("*.py"))
WITHOUT_CORES = r" (-n|--touch|--unlock|--report|--profile|--summary)\b"
"""Options with which Snakemake runs no job on this machine, or says itself how many."""


def code_of(path: Path) -> list[str]:
    """Lines of code blocks, and code inside sentences."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    return [line.split("  #")[0].strip() for line in lines]


def commands(path: Path) -> list[str]:
    """Whole commands: a name or an option alone is none."""
    found = [line for line in code_of(path) if re.match(r"(\.venv/bin/)?rescalade [a-z0-9-]+ ", line)]
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


def test_calls_of_snakemake_say_how_many_cores() -> None:
    """It does nothing without. In documents and in what the program says; `snakemake …` is no whole command."""
    calls = {
        line for path in (*DOCUMENTS, *SOURCES) for line in code_of(path) if re.match(r"\S*snakemake [^…]+$", line)
    }
    assert len(calls) > 20
    assert {call for call in calls if "--cores" not in call and not re.search(WITHOUT_CORES, call)} == set()


def test_commands_that_the_program_names_are_there() -> None:
    named = {
        name for path in SOURCES for name in re.findall(r"`rescalade ([a-z0-9-]+)", path.read_text(encoding="utf-8"))
    }
    assert len(named) > 10 and named <= set(built().commands)


def test_commands_are_found() -> None:
    assert len(ALL) > 30 and any(command.startswith("rescalade search MODEL") for command in ALL)
