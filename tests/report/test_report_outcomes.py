"""Known outcomes: the kept runs against the page they were kept from, look-ups and thresholds by brute force."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rescalade.cli.main import app
from rescalade.config.default_rule import FITTED_ON
from rescalade.report.results.known import Known, alike, as_csv, finished_runs, in_words, kept_runs, published_cells
from rescalade.report.tables.markdown import markdown
from rescalade.report.tables.outcome_table import fitted, left_out, outcome_table
from support.synthetic_audits import AUDITED, invented_scale
from support.synthetic_fates import REPOSITORY, mini
from support.synthetic_results import write_tree


def test_the_paper_s_cells() -> None:
    """By hand: of the means of MRR@10 and nDCG@10, .1555 of .4295 is below half, .2265 of .4125 is not."""
    found = {(one.backbone, one.k): one for one in published_cells()}
    assert len(found) == 10
    assert [key for key, one in found.items() if not one.trained] == [("modernbert-base", 1.0)]
    assert found["ettin-150m", 16.0].units == pytest.approx(381 / 4.852, rel=1e-3)


def test_a_file_comes_back(tmp_path: Path) -> None:
    kept = kept_runs()
    assert len(kept) == 96 and sum(one.flat for one in kept) == 30
    assert {one.source for one in kept} == {"mini", "boolq", "boolq-x12"}
    (tmp_path / "runs.csv").write_text(as_csv(kept))
    assert kept_runs(tmp_path / "runs.csv") == kept


def test_what_is_said_of_the_default_rule_on_the_kept_runs() -> None:
    """Width 128: 128^(1/4) = 3.36, so k = 4, where four of seven backbones have no run that trained."""
    at_4 = [one for one in kept_runs() if one.k == 4]
    assert len({one.backbone for one in at_4}) == 7
    assert {one.backbone for one in at_4} - {one.backbone for one in at_4 if one.trained} == {
        "bert-boolq", "bert-boolq-heavy", "bert-boolq-x12", "modernbert-boolq-x12",
    }  # fmt: skip
    assert "of the seven 2x128 models that the kept runs" in FITTED_ON and "four collapse" in FITTED_ON


def test_what_is_said_of_the_border_among_tiny_models() -> None:
    """All up to 2 ln(64) trained, none above 8, and four of six between."""
    found = [one for one in kept_runs() if not one.flat]
    assert [one.trained for one in found if one.units <= 2] == [True] * 44
    assert [one.trained for one in found if one.units > 8] == [False] * 16
    assert sorted(one.trained for one in found if 2 < one.units <= 8) == [False] * 2 + [True] * 4
    flat = {(one.source, one.backbone, one.k) for one in kept_runs() if one.flat and one.trained}
    assert flat == {
        ("boolq-x12", "modernbert-boolq", 4), ("boolq", "modernbert-boolq", 4), ("boolq", "modernbert-boolq-heavy", 4),
        ("mini", "bert-small", 1),
    }  # fmt: skip


def runs() -> list[Known]:
    return [*kept_runs(), *published_cells()]


@pytest.mark.parametrize("loss", [1.9, 5.0, 12.0, 728.0, 5480.0])
def test_alike_is_within_a_factor_of_two(loss: float) -> None:
    entry = invented_scale(1.0, "untied", 1.0, "bert").model_copy(update={"step0_loss": loss, "score_sd": 5.0})
    units = loss / math.log(2 * AUDITED)
    expected = [one for one in runs() if not one.flat and one.units <= 2 * units and units <= 2 * one.units]
    assert alike(entry, 2 * AUDITED, runs()) == expected


def test_flat_heads_are_compared_with_flat_ones() -> None:
    entry = invented_scale(1.0, "untied", 1.0, "bert").model_copy(update={"score_sd": 0.01})
    assert (
        in_words(alike(entry, 64, runs())) == "boolq-x12: 2 of 12 trained; boolq: 4 of 16 trained; mini: 2 of 2 trained"
    )
    assert in_words([]) == "no run is known"
    broken = entry.model_copy(update={"step0_loss": math.inf, "score_sd": math.nan})
    assert alike(broken, 64, runs()) == []


def wrong(border: float, some: list[Known]) -> int:
    return sum((one.units <= border) != one.trained for one in some if not one.flat)


def test_no_other_border_is_better() -> None:
    for some in (runs(), kept_runs(), published_cells()):
        border, _ = fitted(some)
        tried = [0.0, math.inf, *(one.units * factor for one in some for factor in (0.999, 1.001))]
        assert wrong(border, some) == min(wrong(one, some) for one in tried)


def test_one_backbone_is_left_out_at_a_time() -> None:
    found = left_out(runs(), "backbone")
    for name, (count, total) in found.items():
        border, flat_trains = fitted([one for one in runs() if one.backbone != name])
        tested = [one for one in runs() if one.backbone == name]
        assert not flat_trains
        assert count == wrong(border, tested) + sum(one.trained for one in tested if one.flat)
        assert total == len(tested)
    # fitted on tiny models, a threshold says of all the paper's cells that they collapse: one did
    assert left_out(runs(), "source")["arXiv 2606.18811"] == (9, 10)


def test_finished_runs_are_those_with_an_outcome_and_an_audit(tmp_path: Path) -> None:
    config = mini()
    paths = write_tree(tmp_path, config, queries=24, steps=20)
    found = finished_runs(config, paths)
    audited = [run for run in config.runs() if run.variant.scale in (1, 2, 4, 8, 16)]
    assert {(one.backbone, one.k, one.mode, one.seed) for one in found} == {
        (run.backbone, run.variant.scale, run.variant.mode, run.seed) for run in audited
    }
    assert {one.source for one in found} == {"mini"} and {one.candidates for one in found} == {2 * AUDITED}
    dead = [one for one in found if (one.backbone, one.k) == ("bert-large", 1.0)]
    assert {one.verdict for one in dead} == {"dead"}
    assert not finished_runs(config, replace(paths, results=tmp_path / "nothing"))


def test_the_command_prints_the_table_of_the_docs_and_keeps_what_others_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # no configuration
    (tmp_path / "kept.csv").write_text(as_csv(kept_runs()[:3]))
    printed = CliRunner().invoke(app, ["outcomes", "--out", "kept.csv"]).output.strip()
    assert printed == markdown(outcome_table(runs())).strip()
    assert kept_runs(tmp_path / "kept.csv") == kept_runs()[:3]
    page = (REPOSITORY / "docs" / "heads.md").read_text(encoding="utf-8")
    kept = page.partition("<!-- outcomes: printed by rescalade outcomes -->\n")[2].partition("\n<!-- end of")[0]
    assert kept == printed
