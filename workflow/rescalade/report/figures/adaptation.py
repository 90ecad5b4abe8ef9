"""The adaptation phase seen step by step: both terms of its loss, and active terms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rescalade.report.figures.curves import thinned
from rescalade.report.figures.figure_set import FigureSet, Panel
from rescalade.report.figures.style import DASHES, INK, SERIES, plain_log

TERMS = {"next_token_loss": "next token", "sparse_loss": "through log(1 + relu)"}
"""What the two terms are called, by column."""


def adaptation_figure(histories: Mapping[str, pd.DataFrame], titles: Mapping[str, str]) -> FigureSet:
    """Two panels per adapted backbone.

    Args:
        histories: of backbones that were adapted, by name. titles: of backbones.
    """
    panels: list[Panel] = []
    for name, history in histories.items():
        first, last = history.iloc[0], history.iloc[-1]
        panels += [
            Panel(
                f"adaptation-loss-{name}",
                f"Losses of the adaptation of {titles[name]}: next token from {first.next_token_loss:.2f} to "
                f"{last.next_token_loss:.2f}, through log(1 + relu) from {first.sparse_loss:.2f} to "
                f"{last.sparse_loss:.2f}.",
                partial(_losses, history=history, title=titles[name]),
            ),
            Panel(
                f"adaptation-active-{name}",
                f"Active terms per position in the adaptation of {titles[name]}, from {first.active:.0f} to "
                f"{last.active:.0f}.",
                partial(_active, history=history, title=titles[name]),
            ),
        ]
    return FigureSet(
        "adaptation",
        "The adaptation phase",
        "Cross-entropy of the next token, from the logits and from log(1 + relu) of them, by step; and vocabulary "
        "items with a logit above 0, on average over positions. A value that is not finite leaves a gap.",
        tuple(panels),
    )


def _losses(axes: Axes, history: pd.DataFrame, title: str) -> None:
    for number, (column, words) in enumerate(TERMS.items()):
        _line(axes, history, column, colour=SERIES[number], dash=DASHES[number], label=words)
    _finish(axes, title, "cross-entropy in nats")
    axes.legend(frameon=False)


def _active(axes: Axes, history: pd.DataFrame, title: str) -> None:
    _line(axes, history, "active", colour=INK, dash="-", label="")
    axes.set_yscale("log")
    plain_log(axes.yaxis)
    _finish(axes, title, "active terms per position")


def _line(axes: Axes, history: pd.DataFrame, column: str, *, colour: str, dash: object, label: str) -> None:
    steps, values = (history[name].to_numpy(dtype=np.float64) for name in ("step", column))
    axes.plot(
        *thinned(steps, np.where(np.isfinite(values), values, math.nan)), color=colour, linestyle=dash, label=label
    )


def _finish(axes: Axes, title: str, label: str) -> None:
    axes.set_title(title)
    axes.set_xlabel("optimiser step of the adaptation")
    axes.set_ylabel(label)
