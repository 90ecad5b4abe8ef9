"""A figure: what it shows in words, its panels, and how these become files or parts of a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rescalade.report.figures.style import PANEL, inline_svg, look, save

Draw = Callable[[Axes], None]
TALL = 1.2
"""Of its width: height of a panel above which it is shown wide."""


@dataclass(frozen=True)
class Panel:
    """One drawing. label: what it shows, for those who do not see it. size: inches."""

    name: str
    label: str
    draw: Draw
    size: tuple[float, float] = PANEL


@dataclass(frozen=True)
class FigureSet:
    """Panels under one caption: together in one file, one by one on a page."""

    name: str
    title: str
    caption: str
    panels: tuple[Panel, ...]

    @property
    def tall(self) -> bool:
        """Whether a page has to give its panels more width than others, since they hold more lines of text."""
        return any(panel.size[1] > TALL * panel.size[0] for panel in self.panels)


def save_figure(figure_set: FigureSet, folder: Path) -> list[Path]:
    """Write FOLDER/NAME.svg and FOLDER/NAME.pdf, all panels of a figure in one file."""
    with look():
        return save(_together(figure_set), folder / figure_set.name)


def inline_panels(figure_set: FigureSet) -> list[str]:
    """SVG elements for a page, one per panel, so that they can wrap on a narrow screen."""
    found = []
    with look():
        for panel in figure_set.panels:
            figure = Figure(figsize=panel.size, layout="constrained")
            panel.draw(figure.add_subplot())
            found.append(inline_svg(figure, panel.name, panel.label))
    return found


def _together(figure_set: FigureSet) -> Figure:
    """At most two panels side by side, each with the room of the largest."""
    count = len(figure_set.panels)
    columns = min(2, count)
    rows = -(-count // columns)
    width, height = map(max, zip(*(panel.size for panel in figure_set.panels), strict=True))
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    for number, panel in enumerate(figure_set.panels, 1):
        panel.draw(figure.add_subplot(rows, columns, number))
    return figure
