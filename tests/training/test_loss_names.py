"""Every loss and regulariser that the settings offer is in the tables of objective.loss, and nothing else is."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch

from rescalade.objective.loss import RANKING, REGULARISERS
from rescalade.training.settings import Loss, Regulariser, TrainSettings

SCORES = torch.tensor([[3.0, 1.0, 2.0, 9.0], [0.5, 4.0, 7.0, 1.0]])
"""Two queries: both positives, then the one negative of each."""
TEACHER = torch.tensor([[2.0, 2.0], [1.0, 3.0]])


def test_settings_and_tables_have_the_same_names() -> None:
    assert set(get_args(Loss)) == set(RANKING)
    assert set(get_args(Regulariser)) == set(REGULARISERS)


def test_the_losses_that_distil_are_those_that_look_at_the_teacher() -> None:
    settings = TrainSettings(temperature=2.0)
    for name, loss in RANKING.items():
        values = {float(loss.function(SCORES, teacher, settings)) for teacher in (TEACHER, TEACHER.flip(1))}
        assert len(values) == 1 + loss.distils, name


def test_only_the_gathered_loss_spans_the_whole_step() -> None:
    assert [name for name, loss in RANKING.items() if loss.gathers] == ["infonce-gathered"]


def test_the_sum_of_two_losses_by_hand() -> None:
    settings = TrainSettings(margin_mse_weight=0.5)
    mse = ((3 - 2 - 0) ** 2 + (4 - 1 - (1 - 3)) ** 2) / 2
    divergence = 0.0
    for own, teacher in (((3, 2), (2, 2)), ((4, 1), (1, 3))):
        student, target = ([math.exp(x) / sum(map(math.exp, row)) for x in row] for row in (own, teacher))
        divergence += sum(t * math.log(t / s) for t, s in zip(target, student, strict=True)) / 2
    found = float(RANKING["kl-margin-mse"].function(SCORES, TEACHER, settings))
    assert found == pytest.approx(divergence + 0.5 * mse, rel=1e-6)
