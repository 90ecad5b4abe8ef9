"""Cases of the Triton back end alone: run by test_pooling_triton.py in the interpreter, not collected by itself."""

from __future__ import annotations

import pytest
import torch

from rescalade.splade.backends.cuda import pooling as cuda_pooling
from rescalade.splade.backends.cuda.pooling import Tiles, tokens_tile
from support.pooling_oracle import Problem, computed, oracle

SMALL = Tiles(
    terms=16, tokens=16, width=16, backward_terms=16, backward_width=16, pairs=8, group_tokens=20, sorted_pairs=250
)
"""So small that a short case has several tiles, groups of texts and blocks of sorted pairs."""


@pytest.mark.parametrize("shift", [-3.0, 4.0])
def test_many_tiles_in_every_direction(shift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_pooling, "SINGLE", SMALL)
    problem = Problem.random(1, [3, 0, 16, 17, 34, 0], 40, 50, shift)
    for left, right in zip(computed(problem, "triton"), oracle(problem), strict=True):
        torch.testing.assert_close(left.double(), right, rtol=2e-5, atol=2e-5)


def test_ties_across_tiles_go_to_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda_pooling, "SINGLE", SMALL)
    problem = Problem.whole_numbers(2, [50, 20], 3, 40)
    for left, right in zip(computed(problem, "triton"), oracle(problem), strict=True):
        torch.testing.assert_close(left.double(), right, rtol=1e-5, atol=1e-5)


def test_wide_indices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond 2^31 elements rows are counted in 64 bits; beyond 2^15 tokens in a text winners in 32."""
    monkeypatch.setattr(cuda_pooling, "WIDE", 0)
    problem = Problem.random(3, [5, 9], 8, 30, 0.0)
    for left, right in zip(computed(problem, "triton"), oracle(problem), strict=True):
        torch.testing.assert_close(left.double(), right, rtol=1e-5, atol=1e-5)
    weights = torch.tensor([[1.0, 0.0, 2.0, 3.0]])
    for kind in (torch.int16, torch.int32):
        order, bounds = cuda_pooling.sorted_by_winner(weights, torch.tensor([[2, 0, 0, 2]], dtype=kind), 3)
        # token 0 won term 2, token 1 nothing, token 2 terms 0 and 3; term 1 is inactive
        assert order.tolist()[0][:3] == [2, 0, 3]
        assert bounds.tolist() == [[0, 1, 1, 3]]


def test_tiles_fit_the_longest_text() -> None:
    assert [tokens_tile(Tiles(), longest) for longest in (1, 16, 17, 100, 5000)] == [16, 16, 32, 128, 128]
