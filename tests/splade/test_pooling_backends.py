"""Every back end of the head against brute force, on the same cases.

Under TRITON_INTERPRET=1 the back end is Triton in its interpreter (see test_pooling_triton.py), else those of the CPU.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from rescalade.splade.backends import choose, compiled
from rescalade.splade.backends.choose import Backend
from rescalade.splade.pooling import term_weights
from support.pooling_oracle import Problem, computed, oracle

BACKENDS: tuple[Backend, ...] = ("triton",) if choose.interpreted() else ("portable", "numba", "screen")
EXAMPLES = 8 if choose.interpreted() else 30

each = pytest.mark.parametrize("backend", BACKENDS)


@pytest.fixture(autouse=True)
def _screen_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The screen is right on any CPU, and slow without bfloat16 units: here it may run."""
    monkeypatch.setattr(choose, "multiplies_bfloat16", lambda: True)
    monkeypatch.setattr(choose, "bfloat16_is_faster", lambda: True)


class Sizes(TorchDispatchMode):
    """Notes the shape of everything that torch computes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[torch.Size] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        views = func.namespace == "aten" and func._schema.name in ("aten::detach", "aten::t")
        if isinstance(found, torch.Tensor) and not views:
            self.seen.add(found.shape)
        return found


def assert_equal(ours: list[torch.Tensor], theirs: list[torch.Tensor]) -> None:
    for left, right in zip(ours, theirs, strict=True):
        # float32 sums of up to some hundred products of size 1
        torch.testing.assert_close(left.double(), right, rtol=2e-5, atol=2e-5)


@each
@pytest.mark.parametrize("shift", [-4.0, 0.0, 5.0], ids=["few active", "half active", "all active"])
@pytest.mark.parametrize(
    ("lengths", "width", "vocabulary"),
    [
        ([3, 0, 1, 17, 40], 24, 130),  # an empty text in the middle, several token tiles
        ([0, 5, 0], 7, 1),
        ([130], 16, 70),
        ([2, 2, 2], 33, 513),  # equal lengths; one column more than a chunk
        ([1, 64, 65, 0], 64, 65),
    ],
)
def test_values_and_gradients(backend: Backend, lengths: list[int], width: int, vocabulary: int, shift: float) -> None:
    problem = Problem.random(1, lengths, width, vocabulary, shift)
    assert_equal(computed(problem, backend), oracle(problem))


@pytest.mark.skipif(choose.interpreted(), reason="the block is that of a back end on the CPU")
@pytest.mark.parametrize("lengths", [[3, 0, 1, 17, 40, 2], [0, 0, 5, 0, 5, 5, 0], [9] * 12])
def test_blocks_of_tokens_change_nothing(lengths: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "ROWS", 8 / torch.get_num_threads())
    problem = Problem.random(1, lengths, 24, 530, 0.0)
    cuts = compiled._cuts(problem.offsets, 8)
    assert len(cuts) > 2
    assert (cuts[0], cuts[-1]) == (0, len(lengths))
    assert_equal(computed(problem, "numba"), oracle(problem))


@each
@settings(max_examples=EXAMPLES, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    lengths=st.lists(st.integers(0, 20), min_size=1, max_size=4),
    width=st.integers(1, 20),
    vocabulary=st.integers(1, 40),
)
def test_ties_go_to_the_first_token(
    backend: Backend, seed: int, lengths: list[int], width: int, vocabulary: int
) -> None:
    problem = Problem.whole_numbers(seed, lengths, width, vocabulary)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choose, "multiplies_bfloat16", lambda: True)
        patch.setattr(choose, "bfloat16_is_faster", lambda: True)
        assert_equal(computed(problem, backend), oracle(problem))


@each
def test_no_tokens_at_all(backend: Backend) -> None:
    problem = Problem.random(2, [0, 0], 4, 9, 5.0)
    for result in computed(problem, backend):
        assert not result.any()


@each
def test_a_nan_shows_in_its_text_and_nowhere_else(backend: Backend) -> None:
    problem = Problem.random(3, [4, 6, 2], 8, 40, 1.0)
    clean = computed(problem, backend)
    problem.hidden[7, 3] = float("nan")  # second text; every logit of the token is then undefined
    values, hidden, _, _ = computed(problem, backend)
    assert bool(values[1].isnan().all())
    for text in (0, 2):
        torch.testing.assert_close(values[text], clean[0][text], rtol=1e-6, atol=1e-6)
    assert not hidden[4:10].any()  # an undefined weight sends no gradient back
    torch.testing.assert_close(hidden[:4], clean[1][:4], rtol=1e-6, atol=1e-6)


@each
def test_a_nan_in_one_vocabulary_row(backend: Backend) -> None:
    problem = Problem.random(4, [4, 6], 8, 40, 1.0)
    problem.weight[33, 0] = float("nan")
    values = computed(problem, backend)[0]
    assert values.isnan().nonzero().tolist() == [[0, 33], [1, 33]]


@each
def test_without_bias(backend: Backend) -> None:
    problem = Problem.random(5, [3, 9], 8, 20, 0.0)
    problem.bias.zero_()
    values = term_weights(problem.hidden, problem.offsets, problem.weight, None, backend=backend)
    torch.testing.assert_close(values.double(), oracle(problem)[0], rtol=1e-5, atol=1e-5)


@each
def test_small_weights_are_not_lost(backend: Backend) -> None:
    """1 + 1e-9 is 1 in float32; log(1 + x) must still be x there."""
    hidden, weight = torch.tensor([[1e-9], [-1.0]]), torch.tensor([[1.0], [2.0]])
    values = term_weights(hidden, torch.tensor([0, 2]), weight, None, backend=backend)
    torch.testing.assert_close(values, torch.tensor([[1e-9, 2e-9]]), rtol=1e-6, atol=0.0)


@each
def test_two_runs_give_the_same_bits(backend: Backend) -> None:
    problem = Problem.random(6, [30, 7, 50], 24, 200, 3.0)
    for first, second in zip(computed(problem, backend), computed(problem, backend), strict=True):
        assert torch.equal(first, second)


@each
def test_frozen_projection(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its gradient is neither computed nor given room."""
    if backend == "triton":  # whose interpreter copies all operands
        from rescalade.splade.backends.cuda import pooling

        monkeypatch.setattr(pooling, "projection_kernel", None)
    problem = Problem.random(7, [3, 4], 8, 30, 1.0)
    hidden = problem.hidden.clone().requires_grad_()
    values = term_weights(hidden, problem.offsets, problem.weight, problem.bias, backend=backend)
    with Sizes() as sizes:
        (gradient,) = torch.autograd.grad((values * problem.upstream).sum(), [hidden])
    torch.testing.assert_close(gradient.double(), oracle(problem)[1], rtol=2e-5, atol=2e-5)
    assert backend == "triton" or problem.weight.shape not in sizes.seen


@each
def test_a_free_projection_is_seen_by_what_watches_the_frozen_one(backend: Backend) -> None:
    problem = Problem.random(7, [3, 4], 8, 30, 1.0)
    hidden, weight = problem.hidden.clone().requires_grad_(), problem.weight.clone().requires_grad_()
    values = term_weights(hidden, problem.offsets, weight, problem.bias, backend=backend)
    with Sizes() as sizes:
        torch.autograd.grad((values * problem.upstream).sum(), [hidden, weight])
    assert problem.weight.shape in sizes.seen


@each
def test_a_bias_alone_is_free(backend: Backend) -> None:
    problem = Problem.random(7, [3, 4], 8, 30, 1.0)
    bias = problem.bias.clone().requires_grad_()
    values = term_weights(problem.hidden, problem.offsets, problem.weight, bias, backend=backend)
    (gradient,) = torch.autograd.grad((values * problem.upstream).sum(), [bias])
    torch.testing.assert_close(gradient.double(), oracle(problem)[3], rtol=2e-5, atol=2e-5)


@each
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_hidden_states(backend: Backend, kind: torch.dtype) -> None:
    """Products of 8 (11) bits are exact in float32; only the gradient is rounded to the type of its tensor."""
    problem = Problem.random(8, [3, 0, 20], 24, 60, 0.0)
    problem.hidden, problem.weight = problem.hidden.to(kind), problem.weight.to(kind).float()
    ours = computed(problem, backend)
    assert [tensor.dtype for tensor in ours] == [torch.float32, kind, torch.float32, torch.float32]
    problem.hidden = problem.hidden.float()
    theirs = oracle(problem)
    step = torch.finfo(kind).eps
    torch.testing.assert_close(ours[1].double(), theirs[1], rtol=step, atol=step)
    assert_equal(ours[:1] + ours[2:], theirs[:1] + theirs[2:])
