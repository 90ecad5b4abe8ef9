"""Known outcomes: the kept runs against the page they were kept from, look-ups and thresholds by brute force."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rescalade.cli.main import app
from rescalade.config import load_config
from rescalade.config.default_rule import FITTED_ON
from rescalade.report.results.known import (
    Known,
    alike,
    as_csv,
    finished_runs,
    in_words,
    kept_runs,
    once,
    published_cells,
)
from rescalade.report.tables.markdown import markdown
from rescalade.report.tables.outcome_table import by_loss, by_spread, left_out, outcome_table, threshold
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
    assert Counter(one.source for one in kept) == {"mini": 18, "boolq": 38, "boolq-x12": 40, "why": 150}
    assert len({(one.source == "boolq-x12", one.backbone, one.k, one.mode, one.bias, one.seed) for one in kept}) == 246
    (tmp_path / "runs.csv").write_text(as_csv(kept))
    assert kept_runs(tmp_path / "runs.csv") == kept


def test_what_is_said_of_the_default_rule_on_the_kept_runs() -> None:
    """Width 128: 128^(1/4) = 3.36, so k = 4, where 13 of 20 backbones have no run that trained."""
    at_4 = [one for one in kept_runs() if (one.k, one.mode, one.bias) == (4, "tied", False)]
    assert len({one.backbone for one in at_4}) == 20
    lost = {one.backbone for one in at_4} - {one.backbone for one in at_4 if one.trained}
    assert len(lost) == 13 and sum(name.startswith("bert") for name in lost) == 9
    assert "of the 20 2x128 models that the kept runs" in FITTED_ON and "13 collapse" in FITTED_ON


def test_what_is_said_of_the_border_among_tiny_models() -> None:
    """By the loss: of those up to 2 ln(64) all but three trained, none above 8, and ten of sixteen between."""
    found = [one for one in kept_runs() if not one.flat]
    assert Counter(one.trained for one in found if one.units <= 2) == {True: 91, False: 3}
    assert Counter(one.trained for one in found if one.units > 8) == {False: 24}
    assert Counter(one.trained for one in found if 2 < one.units <= 8) == {True: 10, False: 6}
    flat = [one for one in kept_runs() if one.flat]
    assert [one.score_sd > 0.0121 for one in flat] == [one.trained for one in flat]
    assert Counter(one.trained for one in flat) == {True: 33, False: 79}
    # by the spread: wrong on three runs of one cell
    wrong = [one for one in kept_runs() if (0.0121 <= one.score_sd <= 37.8) != one.trained]
    assert {(one.backbone, one.k, one.bias, one.verdict) for one in wrong} == {("bert-small", 4, True, "saturated")}
    assert len(wrong) == 3 and not any(one.trained for one in wrong)
    assert sum(one.source.startswith("boolq") for one in kept_runs()) == 78


def runs() -> list[Known]:
    return [*kept_runs(), *published_cells()]


@pytest.mark.parametrize("temperature", [1.0, 4.0])
@pytest.mark.parametrize(("loss", "spread"), [(1.9, 5.0), (600.0, 2.0), (728.0, 150.0), (5480.0, 0.0), (4.2, 0.006)])
def test_alike_is_within_a_factor_of_two(loss: float, spread: float, temperature: float) -> None:
    """Of the scores, up to a hundredth that is as good as 0; of the loss for the paper, which prints no scores."""
    entry = invented_scale(1.0, "untied", 1.0, "bert").model_copy(update={"step0_loss": loss, "score_sd": spread})
    seen, units = spread / temperature + 0.01, loss / math.log(2 * AUDITED)
    found = [one for one in kept_runs() if seen <= 2 * (one.score_sd + 0.01) and one.score_sd + 0.01 <= 2 * seen]
    found += [one for one in published_cells() if one.units <= 2 * units and units <= 2 * one.units]
    assert found and alike(entry, 2 * AUDITED, runs(), temperature) == found


def test_alike_in_words() -> None:
    entry = invented_scale(1.0, "untied", 1.0, "bert").model_copy(update={"step0_loss": 2000.0, "score_sd": 0.05})
    assert in_words(alike(entry, 64, runs())) == (
        "boolq-x12: 2 of 2 trained; boolq: 2 of 2 trained; arXiv 2606.18811: 3 of 3 trained"
    )
    assert in_words([]) == "no run is known"
    broken = entry.model_copy(update={"step0_loss": math.inf, "score_sd": math.nan})
    assert alike(broken, 64, runs()) == []


def wrong(border: float, some: list[Known]) -> int:
    return sum((one.units <= border) != one.trained for one in some if not one.flat)


def test_no_other_border_is_better() -> None:
    for some in (runs(), kept_runs(), published_cells()):
        border, _ = threshold(some)
        tried = [0.0, math.inf, *(one.units * factor for one in some for factor in (0.999, 1.001))]
        assert wrong(border, some) == min(wrong(one, some) for one in tried)


def test_one_backbone_is_left_out_at_a_time() -> None:
    found = left_out(runs(), "backbone", by_loss)
    for name, (count, total) in found.items():
        border, flat_trains = threshold([one for one in runs() if one.backbone != name])
        tested = [one for one in runs() if one.backbone == name]
        assert not flat_trains
        assert count == wrong(border, tested) + sum(one.trained for one in tested if one.flat)
        assert total == len(tested)
    # fitted on tiny models, a threshold says of all the paper's cells that they collapse: one did
    assert left_out(runs(), "source", by_loss)["arXiv 2606.18811"] == (9, 10)


def test_a_window_without_one_source_is_the_best_by_brute_force() -> None:
    """Ends just beside each spread; any of the best windows is wrong on these sources as often as the fitted one."""
    known = kept_runs()
    for name in ("boolq", "mini"):
        rest = [one for one in known if one.source != name]
        trains = by_spread(rest)
        ends = [0.0, *sorted({one.score_sd + 1e-9 for one in rest}), math.inf]
        fewest = min(
            sum((low <= one.score_sd <= high) != one.trained for one in rest) for low in ends[::4] for high in ends[::4]
        )
        assert sum(trains(one) != one.trained for one in rest) <= fewest
    assert left_out(known, "source", by_spread) == {
        "boolq-x12": (0, 40), "boolq": (0, 38), "mini": (0, 18), "why": (3, 150),
    }  # fmt: skip


def test_a_run_that_two_experiments_share_counts_once() -> None:
    """`mini` and `why` train by one recipe on one text; an earlier version of `boolq` is no experiment any more."""
    config, shared = load_config([], "mini"), next(one for one in kept_runs() if one.source == "mini")
    third, other = replace(shared, source="why", seed=3), replace(shared, source="boolq-x12")
    assert once(config, [shared, replace(shared, source="why"), third, other]) == [shared, third, other]


def test_finished_runs_are_those_with_an_outcome_and_an_audit(tmp_path: Path) -> None:
    """And of these the ones that are divided and no more: the audit has no start of the others."""
    grid = [
        {"backbones": ["bert-small", "bert-large"], "scales": [1, 3, 4]},  # 3 was not audited
        {"backbones": ["bert-large"], "scales": [4], "modes": ["untied"], "over": {"temperature": [5.0]}},
        {"backbones": ["bert-large"], "scales": [4], "modes": ["multiplier"], "offsets": [2]},
    ]
    config = mini(grid=grid)
    paths = write_tree(tmp_path, config, queries=24, steps=20)
    found = finished_runs(config, paths)
    assert {(one.backbone, one.k, one.mode, one.seed) for one in found} == {
        (name, k, "tied", seed) for name in ("bert-small", "bert-large") for k in (1, 4) for seed in (1, 2)
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
