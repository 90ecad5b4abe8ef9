"""The plot of an audit: which lines and which marks."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from rescalade.audited import Audit
from rescalade.report.figures.audit_panels import active_panel, loss_panel, norm_panel, rule_panel
from rescalade.report.figures.audit_plot import audit_plot
from rescalade.report.figures.audit_series import marked_scales, series
from rescalade.report.figures.figure_set import inline_panels, save_figure
from support.synthetic_audits import invented_audit


@pytest.fixture
def audit() -> Audit:
    return invented_audit("bert-large", "bert", 15.2)


def lines(draw: Any, audit: Any) -> Any:
    axes = Figure().add_subplot()
    draw(axes, audit)
    return axes


def with_other_loss(audit: Audit, factor: float) -> Audit:
    """The losses of one mode changed."""
    scales = [
        entry.model_copy(update={"step0_loss": entry.step0_loss * (factor if entry.mode == "multiplier" else 1)})
        for entry in audit.scales
    ]
    return audit.model_copy(update={"scales": tuple(scales)})


def test_modes_that_measure_the_same_are_one_line(audit: Audit) -> None:
    assert [one.title for one in series(audit)] == ["tied", "untied and multiplier"]
    # a thousandth is drawn as the same, a hundredth is not
    assert [one.title for one in series(with_other_loss(audit, 1.0005))] == ["tied", "untied and multiplier"]
    assert [one.title for one in series(with_other_loss(audit, 1.01))] == ["tied", "untied", "multiplier"]


def test_a_divided_bias_is_a_line_of_its_own(audit: Audit) -> None:
    kept = [entry for entry in audit.scales if entry.mode == "untied"]
    both = [entry.model_copy(update={"bias": True, "step0_loss": 3 * entry.step0_loss}) for entry in kept]
    changed = audit.model_copy(update={"scales": (*kept, *both)})
    assert [one.title for one in series(changed)] == ["untied", "untied, bias too"]


def test_loss_is_drawn_over_k_with_the_loss_of_guessing(audit: Audit) -> None:
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


def test_row_norm_is_divided_by_k(audit: Audit) -> None:
    line = lines(norm_panel, audit).get_lines()[0]
    assert list(line.get_ydata()) == pytest.approx([15.2, 7.6, 3.8, 1.9, 0.95])


def test_rules_are_marked_at_their_power(audit: Audit) -> None:
    assert marked_scales(audit) == {1: ["activation", "score"], 4: ["width"], 16: ["norm"], 32: ["loss"]}
    for draw in (loss_panel, norm_panel, active_panel):
        axes = lines(draw, audit)
        upright = {line.get_xdata()[0] for line in axes.get_lines() if len(set(line.get_xdata())) == 1}
        assert {1, 4, 16, 32} <= upright
    names = [tick.get_text() for tick in lines(rule_panel, audit).get_yticklabels()]
    assert names == ["width", "norm", "activation", "score", "loss"]
    hollow = [line for line in lines(rule_panel, audit).get_lines() if line.get_marker() == "o"]
    assert len(hollow) == 4, "no k is computed by the rule `score`"


def test_rules_of_the_same_k_are_named_together_and_far_ones_at_the_edge(audit: Audit, tmp_path: Path) -> None:
    powers = {"norm": 4, "loss": 4096}
    predicted = {
        rule: prediction.model_copy(update={"power": powers.get(rule, prediction.power)})
        for rule, prediction in audit.predicted.items()
    }
    audit = audit.model_copy(update={"predicted": predicted})
    axes = lines(loss_panel, audit)
    above = axes.child_axes[0]
    labels = dict(zip(above.get_xticks(), [tick.get_text() for tick in above.get_xticklabels()], strict=True))
    assert labels == {1: "activation\nscore", 4: "width\nnorm", 128: "loss (4096)"}  # eight times the largest k tried
    assert axes.get_xlim()[1] < 200
    svg = save_figure(audit_plot(audit, "far", "BERT"), tmp_path)[0].read_text(encoding="utf-8")
    assert "loss (4096)" in svg


def test_what_is_not_finite_is_marked(audit: Audit) -> None:
    first, *rest = audit.scales
    audit = audit.model_copy(update={"scales": (first.model_copy(update={"step0_loss": math.inf}), *rest)})
    axes = lines(loss_panel, audit)
    assert [list(line.get_xdata()) for line in axes.get_lines() if line.get_marker() == "x"] == [[1.0]]
    assert "not finite" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_panels_say_their_numbers_to_those_who_do_not_see_them(audit: Audit) -> None:
    labels = {panel.name: panel.label for panel in audit_plot(audit, "one", "BERT").panels}
    assert "tied: 471 at k = 1, 306 at k = 2" in labels["one-loss"]
    assert "width 4; norm 16; activation 1; score 1; loss 32" in labels["one-rules"]


@pytest.mark.filterwarnings("error")
def test_what_was_not_audited_is_drawn_too(tmp_path: Path) -> None:
    figure = audit_plot(None, "some", "BERT")
    assert {path.name for path in save_figure(figure, tmp_path)} == {"some.svg", "some.pdf"}
    for svg in inline_panels(figure):
        assert not re.search(r">[^<]*\bnan\b[^<]*<", svg)
        assert "nan" not in svg.split(">")[0], "the label"
