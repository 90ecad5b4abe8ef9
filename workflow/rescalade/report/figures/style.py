"""How figures look, and how they become files and parts of a page."""

from __future__ import annotations

import html
import io
import math
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from rescalade.atomic import atomic_file
from rescalade.variants import Mode, ScaleRule

INK, MUTED, GRID, CARD = "#1d2530", "#5b6675", "#d9dee5", "#fdfdfe"
SERIES = ("#b23a0e", "#a66f00", "#0a7f5c", "#2b7fc4", "#5a3fb0", "#8c2f78")
DASHES: tuple[Any, ...] = (
    "-",
    (0, (6, 2)),
    (0, (1.5, 1.5)),
    (0, (7, 2, 1.5, 2)),
    (0, (4, 1.5, 1, 1.5, 1, 1.5)),
    (0, (10, 3)),
)
MARKERS = ("o", "s", "^", "D", "v", "P")
VARIABLES = {INK: "ink", MUTED: "muted", GRID: "line", CARD: "card"} | {c: f"s{n + 1}" for n, c in enumerate(SERIES)}
"""Colour of a file to the page's CSS variable, so that inline figures follow light and dark mode."""
PANEL = (4.6, 3.3)
"""Inches of one panel; about as wide as a phone at 9 points."""
DECADES = 5
"""Most of a log axis whose ticks between powers of ten are written out too."""

FILLED: Mapping[Mode, str] = {"tied": "full", "untied": "none", "folded": "left", "multiplier": "top"}
FILLED_IN_WORDS = "filled tied, hollow untied, left half filled folded, upper half filled multiplier"
"""How a rescale mode is told without colour: by the filling of a marker."""
RULE_MARKERS: Mapping[ScaleRule, str] = {
    "width": "<",
    "norm": ">",
    "activation": "p",
    "score": "h",
    "loss": "*",
    "root": "8",
}
"""Shapes that no fixed k has, so that a k that a rule chose stands out beside the same k of the grid."""

_SETTINGS: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "figure.facecolor": CARD,
    "axes.facecolor": "none",
    "savefig.facecolor": CARD,
    "svg.fonttype": "none",
    "svg.hashsalt": "rescalade",
    "pdf.fonttype": 42,
    "path.simplify_threshold": 0.3,
}


def mode_look(mode: Mode, colour: str) -> dict[str, Any]:
    """Settings of a line's markers."""
    if mode == "untied":  # filled with the ground, so that the line does not run through it
        return {"fillstyle": "full", "markerfacecolor": CARD}
    return {"fillstyle": FILLED[mode], "markerfacecolor": colour, "markerfacecoloralt": CARD}


@contextmanager
def look() -> Iterator[None]:
    """Settings for drawing and saving; nothing outside the block changes."""
    with mpl.rc_context({**mpl.rcParamsDefault, **_SETTINGS}):
        yield


def save(figure: Figure, stem: Path) -> list[Path]:
    """Write STEM.svg and STEM.pdf; the same figure gives the same bytes.

    The layout is found for the SVG and kept for the PDF: to find it again would take as long as to write the file.
    """
    written = []
    for suffix, metadata in (
        (".svg", {"Date": None, "Creator": None}),
        (".pdf", {"CreationDate": None, "Creator": None}),
    ):
        target = stem.with_name(stem.name + suffix)
        with atomic_file(target) as temporary:
            figure.savefig(temporary, format=suffix[1:], metadata=metadata)
        written.append(target)
        figure.set_layout_engine("none")
    return written


def inline_svg(figure: Figure, name: str, label: str) -> str:
    """The figure as an SVG element: own ids, no namespaces, text as text, colours as CSS variables, a label."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, facecolor="none")
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg).replace("xlink:href", "href")
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', svg)
    svg = re.sub(r"<[^>]+>", _shorter, svg)  # in tags alone: a label of 0.001 stays what it is
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    svg = re.sub(r"font: ([^;\"]*?)(\d+px) [^;\"]*", r"font: \1\2 var(--sans)", svg)
    width, height = (float(value) * 72 for value in figure.get_size_inches())
    opening = f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{html.escape(label)}" class="figure"'
    opening += f' style="--natural: {width * 4 / 3:.0f}px">'
    svg = re.sub(r"\n\s*", "\n", svg)
    return re.sub(r"^<svg[^>]*>", lambda _: opening, svg, count=1)


def _shorter(tag: re.Match[str]) -> str:
    """A tag with its numbers to two digits after the point."""
    return re.sub(r"-?\d+\.\d{3,}", lambda found: f"{float(found.group()):.2f}".rstrip("0").rstrip("."), tag.group())


def note(axes: Axes, height: float, words: str, shift: tuple[float, float] = (3, 3)) -> None:
    """Words at a horizontal line, so many points from an edge and the line; the layout makes no room for them.

    Args:
        shift: to the right from the left edge, or to the left from the right one; upwards, or downwards.
    """
    found = axes.annotate(
        words, (0 if shift[0] > 0 else 1, height), xycoords=("axes fraction", "data"), xytext=shift,
        textcoords="offset points", ha="left" if shift[0] > 0 else "right", va="bottom" if shift[1] > 0 else "top",
        fontsize=7.5, color=MUTED, bbox={"facecolor": CARD, "edgecolor": "none", "pad": 0.5},
    )  # fmt: skip
    found.set_in_layout(False)


def legend_columns(labels: Sequence[str], width: float) -> int:
    """2 where there are more than three labels and two columns of the longest fit in so many inches, else 1."""
    return min(2, fitting_columns(labels, width)) if len(labels) > 3 else 1


def fitting_columns(labels: Sequence[str], width: float) -> int:
    """Columns of a legend that fit in so many inches, 1 to 3 (8 points: about 0.065 in a letter)."""
    longest = max((len(line) for label in labels for line in label.splitlines()), default=0)
    return max(1, min(3, len(labels), int(width / (0.065 * longest + 0.55))))


class _Plain(LogLocator):
    """1, 2 and 5 times powers of ten; of more decades than have room for that, the powers alone."""

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        wide = vmin > 0 and math.log10(vmax / vmin) > DECADES
        self.set_params(subs=(1,) if wide else (1, 2, 5))
        return super().tick_values(vmin, vmax)


def plain_log(axis: Axis) -> None:
    """Ticks at 1, 2 and 5 times powers of ten, as far as there is room, written out."""
    axis.set_major_locator(_Plain(base=10, numticks=12))
    axis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.set_minor_locator(NullLocator())


def wrapped(text: str, width: int = 44) -> str:
    """A long name on several lines; `$` kept from starting a formula."""
    return textwrap.fill(text.replace("$", r"\$"), width)
