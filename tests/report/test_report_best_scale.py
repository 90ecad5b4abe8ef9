"""Predicted against best k, with values worked by hand."""

import csv
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rescalade.config import Config, Run
from rescalade.paths import Paths
from rescalade.report.pages.page import make_pages
from rescalade.report.tables.tables import make_tables
from support.synthetic_fates import Fate, mini, papers_way, with_rules
from support.synthetic_results import change, write_tree


def rows(config: Config, paths: Paths, backbone: str) -> dict[str, dict[str, str]]:
    make_tables(config, paths)
    with (paths.report / "mini/tables/predicted-against-best.csv").open(encoding="utf-8") as stream:
        return {row["rule"]: row for row in csv.DictReader(stream) if row["backbone"] == backbone}


def by_scale(**qualities: float) -> Any:
    """Quality of bert-large by variant, the same for every seed; other backbones as the paper tells."""

    def fate(run: Run) -> Fate:
        told = papers_way(run)
        known = run.backbone == "bert-large" and run.variant.name in qualities
        return replace(told, mrr=qualities[run.variant.name], verdict="trained", since=None) if known else told

    return fate


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    config = mini()
    fate = by_scale(k1=0.30, k4=0.40, k16=0.395)
    return rows(config, write_tree(tmp_path_factory.mktemp("told"), config, fate, 24, 20), "bert-large")


def test_predictions_are_those_of_the_audit(told: dict[str, dict[str, str]]) -> None:
    assert list(told) == ["width", "norm", "activation", "score", "loss"]
    assert [row["predicted_k"] for row in told.values()] == ["3.3636", "15.2", "1.1", "", "29.4"]
    assert [row["predicted_power"] for row in told.values()] == ["4", "16", "1", "1", "32"]


def test_best_and_nearest(told: dict[str, dict[str, str]]) -> None:
    assert {(row["best_k"], row["best_variant"]) for row in told.values()} == {("4", "k4")}
    assert {float(row["best_quality"]) for row in told.values()} == {0.4}
    # 4, 16 and 1 were trained; 32 was not, and 16 is the largest that was
    assert [row["nearest_k"] for row in told.values()] == ["4", "16", "1", "1", "16"]
    assert [row["nearest_quality"] for row in told.values()] == ["0.4", "0.395", "0.3", "0.3", "0.395"]


def test_shortfall(told: dict[str, dict[str, str]]) -> None:
    found = {rule: float(row["shortfall"]) for rule, row in told.items() if row["shortfall"]}
    assert found == pytest.approx({"width": 0, "norm": 0.005, "activation": 0.1, "score": 0.1, "loss": 0.005}, abs=1e-6)


def test_notes_say_what_is_not_known(told: dict[str, dict[str, str]]) -> None:
    # the seeds agree, so seed noise is its least value, .01
    assert told["width"]["note"] == "the best k itself"
    assert told["norm"]["note"] == "within seed noise, 0.010"
    assert told["activation"]["note"] == ""
    assert told["score"]["note"] == "no k reaches the target"
    assert told["loss"]["note"].startswith("outside the trained k, 1 to 16: what k = 32 would reach is not known")


@pytest.mark.usefixtures("undrawn")
def test_the_mean_over_backbones(tmp_path: Path) -> None:
    config = mini(grid=[{"backbones": ["bert-large", "bert-small"], "scales": [1, 4]}])

    def fate(run: Run) -> Fate:
        return Fate({1.0: 0.3, 4.0: 0.4 if run.backbone == "bert-large" else 0.2}[run.variant.scale], 9.0)

    page = make_pages(config, write_tree(tmp_path, config, fate, 24, 20), ["index"])[0].read_text(encoding="utf-8")
    # `width` says 4: 0 and .1 below the best; `activation` and `score` say 1: .1 and 0; the others: 4 is nearest
    for words in ("width 0.050 over 2 backbones", "activation 0.050 over 2", "score 0.050", "norm 0.050", "loss 0.050"):
        assert words in page


def test_halfway_between_two_the_smaller_is_nearest(tmp_path: Path) -> None:
    config = mini(grid=[{"backbones": ["bert-large"], "scales": [1, 2, 8]}])
    paths = write_tree(tmp_path, config, lambda run: Fate(0.1 * run.variant.scale, 9.0), 24, 20)
    found = rows(config, paths, "bert-large")["width"]
    assert (found["predicted_power"], found["nearest_k"]) == ("4", "2")
    assert "k = 4 was not trained, k = 2 is the nearest" in found["note"]


def test_of_several_modes_at_the_nearest_k_the_best_counts(tmp_path: Path) -> None:
    grid = [{"backbones": ["bert-large"], "scales": [1, 4], "modes": ["tied", "folded"]}]
    config = mini(grid=grid)

    def fate(run: Run) -> Fate:
        return Fate(0.4 if run.variant.name == "k1" else 0.3 if run.variant.mode == "folded" else 0.2, 9.0)

    found = rows(config, write_tree(tmp_path, config, fate, 24, 20), "bert-large")["width"]
    assert (found["nearest_variant"], found["nearest_quality"]) == ("k4-folded", "0.3")
    assert float(found["shortfall"]) == pytest.approx(0.1)


def test_a_run_that_broke_down_is_not_passed_over(tmp_path: Path) -> None:
    qualities = by_scale(k1=0.3, k4=math.nan, k16=0.4)

    def fate(run: Run) -> Fate:
        told = qualities(run)
        return replace(told, verdict="non-finite") if math.isnan(told.mrr) else told

    config = mini()
    paths = write_tree(tmp_path, config, fate, 24, 20)
    found = rows(config, paths, "bert-large")["width"]
    assert (found["nearest_k"], found["nearest_quality"], found["shortfall"]) == ("4", "", "")
    assert found["note"] == "non-finite"


def test_a_collapsed_seed_is_no_seed_noise(tmp_path: Path) -> None:
    """With .4 and .004 in the spread, twice its sd would be .56 and every difference within it."""

    def fate(run: Run) -> Fate:
        if (run.variant.scale, run.seed) == (4, 1):
            return Fate(0.004, 9.0, "degenerate", 13)
        return Fate(0.4 if run.variant.scale > 1 else 0.35, 9.0)

    config = mini(grid=[{"backbones": ["bert-large"], "scales": [1, 4, 16]}])
    found = rows(config, write_tree(tmp_path, config, fate, 24, 20), "bert-large")
    assert "degenerate in 1 of 2 since step 13" in found["width"]["note"]
    assert "within seed noise" not in found["width"]["note"]
    assert found["activation"]["note"] == "", ".05 below is beyond the noise of the cells that trained, .01"


def test_a_rules_own_runs_count(tmp_path: Path) -> None:
    config = with_rules()
    found = rows(config, write_tree(tmp_path, config, papers_way, 24, 20), "modernbert-large")["loss"]
    assert (found["nearest_k"], found["nearest_variant"]) == ("32", "kauto-loss")
    assert "outside" not in found["note"]


def test_before_any_run(tmp_path: Path) -> None:
    config = mini()
    found = rows(config, write_tree(tmp_path, config, lambda run: Fate(0, 0, made=False), 24, 20), "bert-large")
    assert found["width"]["predicted_power"] == "4"
    assert {row[key] for row in found.values() for key in ("best_k", "best_quality", "nearest_k", "shortfall")} == {""}
    assert found["width"]["note"] == "no run was made"


def test_an_audit_without_predictions_says_so(tmp_path: Path) -> None:
    config = mini(seeds=[1])
    paths = write_tree(tmp_path, config, papers_way, 24, 20)
    change(paths.results / "audit" / "mini" / "bert-large.json", lambda audit: audit.update(predicted={}))
    assert list(rows(config, paths, "bert-large")) == ["the audit predicts no k"]
    (paths.results / "audit" / "mini" / "bert-large.json").unlink()
    assert list(rows(config, paths, "bert-large")) == ["not audited"]
