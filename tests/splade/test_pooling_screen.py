"""The bfloat16 screen: nothing active is left out, and a screen that leaves something out is found out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rescalade.splade.backends import adaptive, choose, compiled, screen
from rescalade.splade.backends.margin import hidden_operand, weight_operand
from rescalade.splade.backends.screen import COLUMNS, Sample
from rescalade.splade.pooling import term_weights
from support.pooling_oracle import Problem, computed


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(choose, "multiplies_bfloat16", lambda: True)  # right on any CPU, only slow without
    monkeypatch.setattr(choose, "bfloat16_is_faster", lambda: True)
    screen.Trust.lost = False
    yield
    screen.Trust.lost = False


def near_zero(seed: int, gap: float, tokens: int = 40, width: int = 96, vocabulary: int = 2000) -> Problem:
    """One text whose best logits are `gap` above zero for every tenth term, `gap` below for another, else at -1."""
    problem = Problem.random(seed, [tokens], width, vocabulary, 0.0)
    best = (problem.hidden.double() @ problem.weight.double().t()).max(0).values
    wanted = torch.full((vocabulary,), -1.0, dtype=torch.float64)
    wanted[::10], wanted[5::10] = gap, -gap
    problem.bias = (wanted - best).float()
    return problem


@pytest.mark.parametrize("gap", [1e-5, 1e-4, 1e-3, 1e-2])
def test_logits_nearer_to_zero_than_bfloat16_resolves(gap: float) -> None:
    problem = near_zero(1, gap)
    # |h| |w| is about 10 and the best logit about 2.5: bfloat16 steps of 0.016, float32 errors of 1e-6
    found = screen._candidates(problem.hidden, problem.offsets, problem.weight, problem.bias)
    assert found is not None
    assert bool((found[0, ::10] > 0).all())  # every active pair is a candidate
    assert float(found.count_nonzero()) < screen.DENSE * found.numel()  # and few enough that the screen is used
    for left, right in zip(computed(problem, "screen"), computed(problem, "numba"), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-5, atol=1e-5)
    values = term_weights(problem.hidden, problem.offsets, problem.weight, problem.bias, backend="screen")
    assert (values[0] > 0).nonzero().squeeze(1).tolist() == list(range(0, 2000, 10))
    assert not screen.Trust.lost


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    scale=st.sampled_from([1e-20, 1e-3, 1.0, 1e4]),
    outlier=st.sampled_from([0.0, 30.0, 1000.0]),
    shift=st.sampled_from([-3.0, 0.0]),
)
def test_the_screen_bounds_every_logit(seed: int, scale: float, outlier: float, shift: float) -> None:
    """Also with one dominant dimension, as trained encoders have, and at any scale."""
    problem = Problem.random(seed, [17], 48, 300, shift)
    hidden, weight, bias = problem.hidden * scale, problem.weight, problem.bias * scale
    hidden[:, 5] += outlier * scale
    operand, _ = hidden_operand(hidden, screen.MARGIN)
    columns = torch.zeros(300, operand.shape[1], dtype=torch.bfloat16)
    weight_operand(weight, bias, columns)
    bound = operand.double() @ columns.double().t()
    exact = hidden.double() @ weight.double().t() + bias.double()
    assert bool((bound >= exact).all())
    # and not a useless bound: twice the rounding, 2^-9 relative, of norms' products
    limit = 0.01 * hidden.norm(dim=1, keepdim=True) * weight.norm(dim=1) + 0.01 * bias.abs() + 1e-11
    assert bool((bound - exact <= limit).all())


@pytest.mark.parametrize("factor", [0.0, -1.0])
def test_a_margin_too_small_is_noticed(
    factor: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    problem = near_zero(2, 1e-4)
    exact = computed(problem, "numba")
    monkeypatch.setattr(screen, "MARGIN", factor)
    with caplog.at_level(logging.WARNING):
        first = computed(problem, "screen")
        second = computed(problem, "screen")
    assert [record.levelname for record in caplog.records] == ["WARNING"]  # one, not one per call
    assert "computed again exactly" in caplog.text
    assert screen.Trust.lost
    for result in (first, second):
        for left, right in zip(result, exact, strict=True):
            assert torch.equal(left, right)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e30])
@pytest.mark.parametrize("place", ["hidden", "weight", "bias"])
def test_numbers_that_cannot_be_bounded_take_the_exact_path(value: float, place: str) -> None:
    """inf - inf is a NaN with its sign bit set, which as an integer is less than zero: it must not be screened."""
    problem = Problem.random(3, [8, 8], 16, 200, -1.0)
    getattr(problem, place).view(-1)[3] = value
    ours = term_weights(problem.hidden, problem.offsets, problem.weight, problem.bias, backend="screen")
    exact = term_weights(problem.hidden, problem.offsets, problem.weight, problem.bias, backend="numba")
    assert torch.allclose(ours, exact, equal_nan=True)


def test_many_candidates_take_the_exact_path() -> None:
    problem = Problem.random(4, [20, 20], 16, 300, 9.0)
    for left, right in zip(computed(problem, "screen"), computed(problem, "numba"), strict=True):
        assert torch.equal(left, right)


@pytest.fixture
def screened(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of tokens of each call that went through the screen."""
    calls: list[int] = []
    checked: Callable[..., tuple[Tensor, Tensor]] = screen.checked

    def counted(hidden: Tensor, *rest: object) -> tuple[Tensor, Tensor]:
        calls.append(len(hidden))
        return checked(hidden, *rest)

    monkeypatch.setattr(screen, "checked", counted)
    return calls


@pytest.mark.parametrize(
    ("tokens", "shift", "used"),
    [(adaptive.TOKENS, -6.0, True), (adaptive.TOKENS, 0.0, False), (adaptive.TOKENS - 1, -6.0, False)],
    ids=["sparse", "dense", "few tokens"],
)
def test_auto_screens_large_sparse_calls(tokens: int, shift: float, used: bool, screened: list[int]) -> None:
    problem = Problem.random(5, [tokens], 16, 400, shift)
    computed(problem, "auto")
    assert bool(screened) is used


def test_auto_does_not_depend_on_earlier_calls() -> None:
    """A run that resumes from a checkpoint has no earlier calls, and must still give the same bits."""
    sparse = Problem.random(6, [adaptive.TOKENS], 16, 400, -5.0)
    fresh = computed(sparse, "auto")
    for _ in range(10):
        computed(Problem.random(7, [adaptive.TOKENS], 16, 400, 5.0), "auto")
    for left, right in zip(computed(sparse, "auto"), fresh, strict=True):
        assert torch.equal(left, right)


def test_the_sample_covers_all_columns_over_calls_of_different_length() -> None:
    weight = torch.randn(10 * COLUMNS, 4)
    seen: set[int] = set()
    for tokens in range(1, 12):
        sample = Sample.compute(torch.randn(tokens, 4), torch.tensor([0, tokens]), weight, torch.zeros(len(weight)))
        assert len(sample.columns) == COLUMNS
        seen.update(sample.columns.tolist())
    assert seen == set(range(len(weight)))


def test_density_of_a_sample() -> None:
    hidden, offsets = torch.tensor([[1.0]]), torch.tensor([0, 1])
    sample = Sample.compute(hidden, offsets, torch.tensor([[1.0], [-1.0], [float("nan")], [-2.0]]), torch.zeros(4))
    assert sample.density == 0.5  # one active, one undefined
    exact, _ = compiled.search(hidden, offsets, torch.tensor([[1.0]]), torch.zeros(1))
    assert exact.tolist() == [[pytest.approx(0.6931472)]]
