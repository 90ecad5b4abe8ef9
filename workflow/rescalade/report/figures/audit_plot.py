"""The plot of one audit: what the untrained head does at every k, and which k each rule predicts."""

from __future__ import annotations

import math
from collections.abc import Callable

from matplotlib.axes import Axes

from rescalade.audited import Audit
from rescalade.report.figures.audit_panels import active_panel, loss_panel, norm_panel, rule_panel
from rescalade.report.figures.audit_series import series
from rescalade.report.figures.figure_set import FigureSet, Panel
from rescalade.report.figures.style import PANEL
from rescalade.report.results.audit_read import predictions
from rescalade.report.results.numbers import written

SIZE = (PANEL[0], PANEL[1] + 0.3)
"""Room for the rules' names above."""


def audit_plot(audit: Audit | None, name: str, title: str) -> FigureSet:
    """Panels over k on a log2 axis: loss at step 0, row norm / k, active terms; then the rules' k.

    Args:
        audit: None where there is none.
        name: file name and prefix of the ids. title: of the backbone.
    """

    def panel(key: str, label: str, draw: Callable[[Axes, Audit | None], None]) -> Panel:
        return Panel(f"{name}-{key}", label, lambda axes: draw(axes, audit), SIZE)

    norm = None if audit is None else audit.row_norm.mean
    panels = [
        panel("loss", f"Loss at step 0 of {title} against k. {_in_words(audit, 'step0_loss')}", loss_panel),
        panel("norm", f"Row norm of {title} divided by k; {written(norm, 'norm')} at k = 1.", norm_panel),
        panel("active", f"Active terms of {title} against k. {_in_words(audit, 'active_document')}", active_panel),
    ]
    rules = "; ".join(f"{rule} {prediction.power}" for rule, prediction in predictions(audit))
    if rules:
        panels.append(panel("rules", f"Predicted k for {title}. {rules}.", rule_panel))
    return FigureSet(
        name,
        "The untrained head over k",
        "The untrained head at every k that was tried, a line per rescale mode; modes that measure the same share one. "
        "The dashed line is the loss of guessing among the candidates. Dotted lines across bound what counts as dead, "
        "as saturated however long the texts are, and as a large row norm. A dotted line upwards is a k that the rules "
        "named above it predict.",
        tuple(panels),
    )


def _in_words(audit: Audit | None, key: str) -> str:
    """The points of the first line."""
    for one in series(audit):
        points = [f"{written(value, 'size')} at k = {k:g}" for k, value in one.points(key) if math.isfinite(value)]
        return f"{one.title}: {', '.join(points)}." if points else ""
    return "Not audited."
