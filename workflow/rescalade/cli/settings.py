"""Commands on the catalogue with the user's configuration over it: what there is, what holds, and its documents."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rescalade.atomic import atomic_file
from rescalade.cli.context import ConfigOption, ExperimentOption
from rescalade.config.catalogue import read_catalogue
from rescalade.config.config import Config
from rescalade.config.effective import SUBJECTS, effective, entries
from rescalade.config.load import load_config
from rescalade.config.reference import reference_page, schema

JsonOption = Annotated[bool, typer.Option("--json", help="Write JSON.")]


def list_entries(
    subject: Annotated[str, typer.Argument(metavar="|".join(SUBJECTS))],
    config: ConfigOption = [Path("config.yaml")],  # noqa: B006  # typer copies it
    experiment: ExperimentOption = None,
    json_wanted: JsonOption = False,
) -> None:
    """List backbones, datasets, recipes, experiments or sources, and where each is defined."""
    _show(entries(_loaded(config, experiment), subject), json_wanted)


def show_config(
    key: Annotated[str, typer.Argument(metavar="[KEY]", help="Dotted, such as recipes.paper.train.")] = "",
    config: ConfigOption = [Path("config.yaml")],  # noqa: B006  # typer copies it
    experiment: ExperimentOption = None,
    json_wanted: JsonOption = False,
) -> None:
    """Show the values that hold below a key, and the file and line that each comes from."""
    _show([value._asdict() for value in effective(_loaded(config, experiment), key)], json_wanted)


def docs(folder: Path = Path("docs")) -> None:
    """Write docs/config.schema.json and docs/configuration.md."""
    for name, text in (("config.schema.json", schema()), ("configuration.md", reference_page())):
        with atomic_file(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _loaded(files: Sequence[Path], experiment: str | None) -> Config:
    """The configuration; where there is no config.yaml, as beside an installed package, the catalogue alone."""
    if list(files) == [Path("config.yaml")] and not files[0].exists():
        files, experiment = [], experiment or next(iter(read_catalogue().values["experiments"]))
    config = load_config(files, experiment)
    for notice in config.notices:
        typer.echo(notice, err=True)
    return config


def _show(rows: Sequence[Mapping[str, Any]], json_wanted: bool) -> None:
    """A table on a terminal, lines with tabs in a pipe, or JSON."""
    if json_wanted:
        typer.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    texts = [[_text(value) for value in row.values()] for row in rows]
    if not sys.stdout.isatty():
        typer.echo("\n".join("\t".join(row) for row in texts))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*(rows[0] if rows else ()), box=None, pad_edge=False)
    for row in texts:
        table.add_row(*map(Text, row))
    Console().print(table)


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
