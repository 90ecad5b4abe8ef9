"""Page templates. They lie inside the package, so that an installed one has them too."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from rescalade.atomic import atomic_file
from rescalade.report.figures.figure_set import FigureSet, inline_panels
from rescalade.report.tables.parts import headings, parts

CODE = re.compile(r"`([^`\n]+)`")


def write_page(target: Path, template: str, context: Mapping[str, Any]) -> Path:
    """Render a template into a self-contained page; every value is escaped that is not markup already."""
    environment = Environment(
        loader=FunctionLoader(template_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"parts": parts, "headings": headings, "code": code, "plain": plain}
    environment.filters["css"] = lambda name: Markup(template_text(name))  # noqa: S704
    html = environment.get_template(template).render(context)
    with atomic_file(target) as temporary:
        temporary.write_text(html, encoding="utf-8")
    return target


def code(text: str) -> str:
    """What stands between two backticks as code; a text without any as it is."""
    return Markup(CODE.sub(r"<code>\1</code>", str(escape(text)))) if "`" in text else text  # noqa: S704


def plain(text: str) -> str:
    """A text without its backticks, for where there are no elements: titles and attributes."""
    return CODE.sub(r"\1", text)


def template_text(name: str) -> str:
    """A file of the folder `templates`."""
    return files("rescalade.report").joinpath("templates", name).read_text(encoding="utf-8")


def drawn(figure_sets: Sequence[FigureSet]) -> list[dict[str, Any]]:
    """Figures for the macro `figure`. SVG made here is markup; everything else is escaped by the template."""
    return [
        {"about": figure_set, "panels": [Markup(svg) for svg in inline_panels(figure_set)]}  # noqa: S704
        for figure_set in figure_sets
    ]
