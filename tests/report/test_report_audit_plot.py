"""The plot of an audit: which lines, which marks, and nothing that breaks on an older audit."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from rescalade.report.figures.audit_panels import active_panel, loss_panel, norm_panel, rule_panel
from rescalade.report.figures.audit_plot import audit_plot
from rescalade.report.figures.audit_series import marked_scales, series
from rescalade.report.figures.figure_set import inline_panels, save_figure
from support.damaged_audits import DAMAGED
from support.synthetic_audits import invented_audit


@pytest.fixture
def audit() -> dict[str, Any]:
    return invented_audit("bert-large", "bert", 15.2)


def lines(draw: Any, audit: Any) -> Any:
    axes = Figure().add_subplot()
    draw(axes, audit)
    return axes


def test_modes_that_measure_the_same_are_one_line(audit: dict[str, Any]) -> None:
    assert [one.title for one in series(audit)] == ["tied", "untied and multiplier"]
    # a thousandth is drawn as the same, a hundredth is not
    for entry in audit["scales"]:
        entry["step0_loss"] *= 1.0005 if entry["mode"] == "multiplier" else 1
    assert [one.title for one in series(audit)] == ["tied", "untied and multiplier"]
    for entry in audit["scales"]:
        entry["step0_loss"] *= 1.01 if entry["mode"] == "multiplier" else 1
    assert [one.title for one in series(audit)] == ["tied", "untied", "multiplier"]


def test_a_divided_bias_is_a_line_of_its_own(audit: dict[str, Any]) -> None:
    audit["scales"] = [entry for entry in audit["scales"] if entry["mode"] == "untied"]
    audit["scales"] += [{**entry, "bias": True, "step0_loss": 3 * entry["step0_loss"]} for entry in audit["scales"]]
    assert [one.title for one in series(audit)] == ["untied", "untied, bias too"]


def test_loss_is_drawn_over_k_with_the_loss_of_guessing(audit: dict[str, Any]) -> None:
    axes = lines(loss_panel, audit)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    drawn = {line.get_label(): line for line in axes.get_lines()}
    # tied: 31 * 15.2 / k, 1.3 times as much from k = 2 on
    assert list(drawn["tied"].get_xdata()) == [1, 2, 4, 8, 16]
    assert list(drawn["tied"].get_ydata()) == pytest.approx([471.2, 306.28, 153.14, 76.57, 38.285])
    looks = {(line.get_linestyle(), line.get_marker()) for name, line in drawn.items() if not name.startswith("_")}
    assert len(looks) == 2, "lines differ by more than colour"
    across = [line.get_ydata()[0] for line in axes.get_lines() if len(set(line.get_ydata())) == 1]
    assert any(value == pytest.approx(math.log(64)) for value in across)  # 32 positives, 32 hard negatives
    assert "ln 64 = 4.16" in axes.texts[0].get_text()


def test_row_norm_is_divided_by_k(audit: dict[str, Any]) -> None:
    line = lines(norm_panel, audit).get_lines()[0]
    assert list(line.get_ydata()) == pytest.approx([15.2, 7.6, 3.8, 1.9, 0.95])


def test_rules_are_marked_at_their_power(audit: dict[str, Any]) -> None:
    assert marked_scales(audit) == {1: ["activation"], 4: ["width"], 16: ["norm"], 32: ["loss"]}
    for draw in (loss_panel, norm_panel, active_panel):
        axes = lines(draw, audit)
        upright = {line.get_xdata()[0] for line in axes.get_lines() if len(set(line.get_xdata())) == 1}
        assert {1, 4, 16, 32} <= upright
    names = [tick.get_text() for tick in lines(rule_panel, audit).get_yticklabels()]
    assert names == ["width", "norm", "activation", "score", "loss"]
    assert [text.get_text() for text in lines(rule_panel, audit).texts] == ["gives no k"]


def test_rules_of_the_same_k_are_named_together_and_far_ones_at_the_edge(audit: dict[str, Any], tmp_path: Path) -> None:
    audit["predicted"]["norm"]["power"] = 4
    audit["predicted"]["loss"]["power"] = 4096
    axes = lines(loss_panel, audit)
    above = axes.child_axes[0]
    labels = dict(zip(above.get_xticks(), [tick.get_text() for tick in above.get_xticklabels()], strict=True))
    assert labels == {1: "activation", 4: "width\nnorm", 128: "loss (4096)"}  # eight times the largest k tried
    assert axes.get_xlim()[1] < 200
    svg = save_figure(audit_plot(audit, "far", "BERT"), tmp_path)[0].read_text(encoding="utf-8")
    assert "loss (4096)" in svg


def test_what_is_not_finite_is_marked(audit: dict[str, Any]) -> None:
    audit["scales"][0]["step0_loss"] = math.inf
    axes = lines(loss_panel, audit)
    assert [list(line.get_xdata()) for line in axes.get_lines() if line.get_marker() == "x"] == [[1.0]]
    assert "not finite" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_panels_say_their_numbers_to_those_who_do_not_see_them(audit: dict[str, Any]) -> None:
    labels = {panel.name: panel.label for panel in audit_plot(audit, "one", "BERT").panels}
    assert "tied: 471 at k = 1, 306 at k = 2" in labels["one-loss"]
    assert "width 4; norm 16; activation 1; score none; loss 32" in labels["one-rules"]


@pytest.mark.parametrize("audit", DAMAGED)
@pytest.mark.filterwarnings("error")
def test_older_and_damaged_audits_are_drawn(audit: Any, tmp_path: Path) -> None:
    figure = audit_plot(audit, "some", "BERT")
    assert {path.name for path in save_figure(figure, tmp_path)} == {"some.svg", "some.pdf"}
    for svg in inline_panels(figure):
        assert not re.search(r">[^<]*\bnan\b[^<]*<", svg)
        assert "nan" not in svg.split(">")[0], "the label"
