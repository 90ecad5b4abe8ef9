"""The watch over a run: when it speaks, when it stops one, and what a stopped or broken run leaves."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import pytest
import torch

from rescalade.objective.collapse import judge
from rescalade.splade.model import SpladeModel
from rescalade.training.collapse_watch import CollapseWatch
from rescalade.training.settings import TrainSettings
from support.models import tiny
from support.training import run, still

HEALTHY = {
    "loss": 1.0, "ranking_loss": 0.9, "gradient_norm": 1.0,
    "active_query": 12.0, "empty_query": 0.0, "cosine_query": 0.1, "tokens_query": 6.0,
    "active_document": 20.0, "empty_document": 0.0, "cosine_document": 0.2, "tokens_document": 40.0,
}  # fmt: skip


def test_it_warns_when_a_condition_begins_and_says_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    watch = CollapseWatch(100, 64, 5, ramp=0, patience=99)
    for step, active in enumerate([20.0, 60.0, 70.0, 20.0, 0.5]):
        watch.see({"step": step, **HEALTHY, "active_document": active})
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "step 1: saturated: 60 of 100 terms active per document of 40 tokens"),
        ("INFO", "step 3: no longer saturated, which it was from step 1"),
        ("WARNING", "step 4: dead: 0.50 active terms per document"),
    ]


def test_patience_counts_from_the_end_of_the_ramp_but_not_for_non_finite() -> None:
    watch = CollapseWatch(100, 64, 6, ramp=3, patience=2)
    saturated = [watch.see({"step": step, **HEALTHY, "active_document": 90.0}) for step in range(6)]
    assert saturated == [False, False, False, False, True, True]
    watch = CollapseWatch(100, 64, 6, ramp=3, patience=2)
    assert [watch.see({"step": s, **HEALTHY, "loss": math.nan}) for s in range(3)] == [False, True, True]


def test_the_loss_with_which_every_run_begins_is_no_collapse_before_the_end_of_the_ramp(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """40 steps, of which the last two count: a run that learns is never warned of, one that does not is stopped."""
    losses = [math.log(64)] * 8 + [1.0] * 32
    watch = CollapseWatch(100, 64, 40, ramp=12, patience=5)
    assert not any(watch.see({"step": step, **HEALTHY, "ranking_loss": loss}) for step, loss in enumerate(losses))
    assert not caplog.records
    watch = CollapseWatch(100, 64, 40, ramp=12, patience=5)
    assert [watch.see({"step": step, **HEALTHY, "ranking_loss": 4.2}) for step in range(17)] == [False] * 16 + [True]
    assert [record.message for record in caplog.records] == [
        "step 12: flat: mean ranking loss 4.2 over 2 steps, ln(64) is 4.159"
    ]


def test_a_run_that_goes_on_is_watched_as_one_that_was_never_interrupted() -> None:
    rows = [{"step": step, **HEALTHY, "active_query": 20.0 if step < 2 else 0.0} for step in range(6)]
    watch = CollapseWatch(100, 64, 6, ramp=0, patience=4)
    assert [watch.see(row) for row in rows] == [False] * 5 + [True]
    again = CollapseWatch(100, 64, 6, ramp=0, patience=4)
    again.replay(rows[:4])
    assert [again.see(row) for row in rows[4:]] == [False, True]


def test_steps_without_counts_neither_begin_nor_end_a_condition() -> None:
    bare = {"loss": 1.0, "ranking_loss": 0.9, "gradient_norm": 1.0}
    watch = CollapseWatch(100, 64, 3, ramp=0, patience=3)
    rows = [{"step": 0, **HEALTHY, "active_document": 0.0}, {"step": 1, **bare}, {"step": 2, **bare}]
    assert [watch.see(row) for row in rows] == [False, False, True]
    rows = [{"step": 0, **HEALTHY}, {"step": 1, **bare}, {"step": 2, **HEALTHY, "active_document": 0.0}]
    verdict = judge(rows, 100, 64)
    assert (verdict.name, verdict.since_step) == ("dead", 2)


def test_weights_that_broke_at_the_last_step_make_a_run_non_finite() -> None:
    verdict = judge([{"step": 0, **HEALTHY}, {"step": 1, **HEALTHY}], 100, 64, broken_weights=7)
    assert (verdict.name, verdict.since_step, verdict.causes) == ("non-finite", 1, ("7 weights are not finite",))


def saturated_model() -> SpladeModel:
    """Every term is active in every text."""
    model = still()
    with torch.no_grad():
        model.head.projection.module.bias.fill_(50.0)
    return model


def test_a_lasting_collapse_stops_a_run_only_if_asked(tmp_path: Path) -> None:
    settings = TrainSettings(batch_size=4, max_steps=12, ramp_steps=2, collapse_patience=3, learning_rate=1e-6)
    trained, _ = run(tmp_path / "a", settings, model=saturated_model())
    assert (len(trained.history), trained.stopped_at) == (12, None)
    asked = settings.model_copy(update={"stop_on_collapse": True})
    trained, _ = run(tmp_path / "b", asked, model=saturated_model())
    assert (len(trained.history), trained.stopped_at) == (5, 4)  # steps 2, 3 and 4 follow the ramp


def test_watch_every_leaves_gaps_and_counts_the_last_step(tmp_path: Path) -> None:
    trained, _ = run(tmp_path, TrainSettings(batch_size=4, max_steps=6, watch_every=4))
    assert [row["step"] for row in trained.history if row.get("active_document") is not None] == [0, 4, 5]
    assert all(math.isfinite(row["loss"]) for row in trained.history)


def test_a_non_finite_gradient_moves_no_weight_and_is_counted(tmp_path: Path) -> None:
    model = SpladeModel(tiny("bert"))
    with torch.no_grad():
        model.head.projection.module.bias[3] = math.nan  # type: ignore[index]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    trained, after = run(tmp_path, TrainSettings(batch_size=4, accumulation=2, max_steps=3), model=model)
    assert [row["skipped"] for row in trained.history] == [1, 1, 1]
    assert [row["nonfinite_losses"] for row in trained.history] == [2, 2, 2]
    assert all(math.isnan(row["loss"]) for row in trained.history)
    assert all(torch.equal(before[name].nan_to_num(), after[name].nan_to_num()) for name in before)
    verdict = judge(trained.history, 60, trained.candidates)
    assert verdict.name == "non-finite" and verdict.since_step == 0
    assert verdict.causes[-1] == "no step was taken: the weights are those before training"
