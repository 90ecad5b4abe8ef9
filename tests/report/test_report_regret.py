"""Regret of rules for k: the paper's table by hand, and invented runs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rescalade.cli.main import app
from rescalade.config import Run
from rescalade.config.default_rule import DEFAULT_RULE
from rescalade.config.model import GridEntry
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from rescalade.report.tables.markdown import markdown
from rescalade.report.tables.regret import continued, finished_regrets, least_worst_case, published_regrets, regrets_of
from rescalade.report.tables.regret_table import regret_table
from support.synthetic_fates import REPOSITORY, Fate, mini
from support.synthetic_results import write_tree


def test_rules_on_table_2_worked_by_hand() -> None:
    """From the printed table: BEIR-13 nDCG@10 and MS MARCO MRR@10 of RoBERTa, ModernBERT and Ettin."""
    found = published_regrets()
    assert found.backbones == ("RoBERTa", "ModernBERT", "Ettin-150m")

    def said(rule: str) -> list[tuple[int | None, float, float]]:
        return [
            (one.prediction and one.prediction.power, round(one.lost[0], 3), round(one.lost[1], 3))
            for one in found.by_rule[rule]
        ]

    # 768^(1/4) = 5.26, nearer to 4 than to 8 by ratio; norms 3.645, 2.553 and 2.628 over 1.401 are 2.6, 1.8 and 1.9
    assert said("width") == [(4, 0.003, 0.0), (4, 0.032, 0.036), (4, 0.059, 0.063)]
    assert said("norm") == [(2, 0.0, 0.002), (2, 0.054, 0.049), (2, 0.147, 0.12)]
    assert said("k = 8 for all") == [(8, 0.058, 0.055), (8, 0.0, 0.002), (8, 0.061, 0.06)]
    assert said("k = 16 for all")[0] == (16, 0.382, 0.228)
    assert found.by_rule["activation"][0].prediction is None
    assert found.by_rule["loss"][0].prediction is None  # figure 4 has no RoBERTa
    assert all(math.isnan(value) for value in found.worst("loss"))


def test_the_loss_rule_leaves_the_grid() -> None:
    """Fig. 4 ends at 600 and 381; 1850 / 600 = 3.08 and 926 / 381 = 2.43 a doubling, down to 2 ln 128 = 9.70."""
    modernbert, ettin = published_regrets().by_rule["loss"][1:]
    assert modernbert.prediction is not None and ettin.prediction is not None
    assert 600 / 3.0833**3 > 9.70 > 600 / 3.0833**4  # four more doublings: 256
    assert 381 / 2.4304**4 > 9.70 > 381 / 2.4304**5  # five: 512
    assert (modernbert.prediction.k, ettin.prediction.k) == (256, 512)
    assert modernbert.prediction.power == ettin.prediction.power == 16
    assert "outside the grid" in modernbert.note and "asks for 256" in modernbert.prediction.note


@pytest.mark.parametrize(
    ("losses", "limit", "k"),
    [({1: 8.0, 2: 4.0}, 4.0, 2), ({1: 8.0, 2: 4.0}, 0.9, 16), ({1: 4.0, 2: 4.0}, 1.0, None), ({1: 8, 2: 4}, 1.0, 8)],
)
def test_a_curve_goes_on_at_its_last_rate(losses: dict[float, float], limit: float, k: float | None) -> None:
    assert continued(losses, limit) == (k, k is None or k > 2)


def test_the_default_rule_has_the_least_worst_case() -> None:
    assert least_worst_case(published_regrets()) == DEFAULT_RULE == "width"
    assert GridEntry.model_fields["rule"].default == DEFAULT_RULE


def test_on_runs_only_what_was_trained_has_a_regret(tmp_path: Path) -> None:
    config = mini(grid=[{"backbones": ["bert-large", "bert-small"], "scales": [1, 4]}])

    def fate(run: Run) -> Fate:
        return Fate({1.0: 0.3, 4.0: 0.4 if run.backbone == "bert-large" else 0.2}[run.variant.scale], 9.0)

    paths = write_tree(tmp_path, config, fate, 24, 20)
    (found,) = finished_regrets(config, paths)
    assert found == regrets_of(Summary(load_results(config, paths)))
    # the invented audits: width says 4, activation 1, norm 16, which no run has; small and large stand by their place
    by = {
        rule: dict(zip(found.backbones, (one.lost[0] for one in row), strict=True))
        for rule, row in found.by_rule.items()
    }
    large, small = config.title("backbone", "bert-large"), config.title("backbone", "bert-small")
    assert by["width"] == pytest.approx({large: 0.0, small: 0.1})
    assert by["activation"] == pytest.approx({large: 0.1, small: 0.0})
    assert math.isnan(by["norm"][large])
    assert found.worst("width") == pytest.approx((0.1,))
    assert not finished_regrets(config, replace(paths, results=tmp_path / "nothing"))


def test_the_command_prints_the_table_of_the_docs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # no configuration: the paper alone
    printed = CliRunner().invoke(app, ["rules"]).output.strip()
    assert printed == markdown(regret_table(published_regrets())).strip()
    page = (REPOSITORY / "docs" / "heads.md").read_text(encoding="utf-8")
    kept = page.partition("<!-- rules: printed by rescalade rules -->\n")[2].partition("\n<!-- end of rules -->")[0]
    assert kept == printed
