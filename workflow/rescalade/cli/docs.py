"""The command that remakes documents which follow from the code."""

from __future__ import annotations

from pathlib import Path

import typer

from rescalade.atomic import atomic_file
from rescalade.config.reference import reference_page, schema


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(docs)


def docs(folder: Path = Path("docs")) -> None:
    """Write docs/config.schema.json and docs/configuration.md."""
    for name, text in (("config.schema.json", schema()), ("configuration.md", reference_page())):
        with atomic_file(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
