"""The adaptation phase in a report: read from the backbone's folder, drawn where there is one."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from rescalade.adaptation.history import COLUMNS, read_history, write_history
from rescalade.errors import UserError
from rescalade.report.figures.adaptation import adaptation_figure
from rescalade.report.figures.figure_set import inline_panels


def rows(count: int) -> list[dict[str, float]]:
    flat = [dict.fromkeys(COLUMNS, 1 + 1 / (1 + step)) for step in range(count)]
    values = [row | {"step": step, "active": 900.0 - step} for step, row in enumerate(flat)]
    return [row | ({"loss": math.nan, "sparse_loss": math.nan} if n == 3 else {}) for n, row in enumerate(values)]


def test_a_panel_of_losses_and_one_of_active_terms(tmp_path: Path) -> None:
    write_history(tmp_path, rows(9))
    table = read_history(tmp_path)
    assert table is not None
    history = table.to_pandas()
    pd.testing.assert_frame_equal(history, pd.DataFrame(rows(9)))
    figure = adaptation_figure({"small": history}, {"small": "Small Llama"})
    losses, active = (ElementTree.fromstring(svg) for svg in inline_panels(figure))
    assert [panel.name for panel in figure.panels] == ["adaptation-loss-small", "adaptation-active-small"]
    assert "next token from 2.00 to 1.11" in figure.panels[0].label
    assert "from 900 to 892" in figure.panels[1].label
    words = ["".join(element.itertext()) for element in (losses, active)]
    assert "through log(1 + relu)" in words[0] and "Small Llama" in words[1]


def test_a_history_of_another_form_is_refused(tmp_path: Path) -> None:
    assert read_history(tmp_path) is None
    pd.DataFrame({"step": [0], "loss": [1.0]}).to_parquet(tmp_path / "history.parquet")
    with pytest.raises(UserError, match=r"columns step, loss, next_token_loss, .* expected, found step, loss; delete"):
        read_history(tmp_path)
