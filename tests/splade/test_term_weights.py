"""The fused head against the plain formula, and against gradients worked out by autograd on it."""

from __future__ import annotations

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from rescalade.splade.pooling import pack, term_weights


def plain(hidden: Tensor, mask: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The equation as it is written: every logit, then relu, log, max. `max` gives its gradient to one token."""
    logits = hidden @ weight.t() + bias
    weights = torch.log1p(torch.relu(logits)) * mask.unsqueeze(-1)
    return weights.max(1).values


def problem(seed: int, texts: int, length: int, width: int, vocabulary: int, shift: float) -> tuple[Tensor, ...]:
    random = torch.Generator().manual_seed(seed)
    hidden = torch.randn(texts, length, width, generator=random)
    mask = torch.rand(texts, length, generator=random) < 0.7
    mask[:, 0] = True
    weight = torch.randn(vocabulary, width, generator=random)
    bias = torch.randn(vocabulary, generator=random) + shift
    return hidden, mask, weight, bias


def no_near_tie(hidden: Tensor, mask: Tensor, weight: Tensor, bias: Tensor) -> bool:
    """Whether the winner is the same in whatever order float32 adds: two tokens within 1e-5 would share a gradient."""
    logits = (hidden.double() @ weight.double().t() + bias).masked_fill(~mask.unsqueeze(-1), -1e9)
    best = logits.topk(min(2, hidden.shape[1]), 1).values
    return hidden.shape[1] == 1 or float((best[:, 0] - best[:, 1]).min()) > 1e-5


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    texts=st.integers(1, 5),
    length=st.integers(1, 9),
    vocabulary=st.sampled_from([1, 7, 511, 512, 513, 1100]),
    shift=st.sampled_from([-6.0, 0.0, 5.0]),
)
def test_values_and_gradients_equal_the_plain_formula(
    seed: int, texts: int, length: int, vocabulary: int, shift: float
) -> None:
    hidden, mask, weight, bias = problem(seed, texts, length, 6, vocabulary, shift)
    assume(no_near_tie(hidden, mask, weight, bias))
    upstream = torch.randn(texts, vocabulary, generator=torch.Generator().manual_seed(seed + 1))
    results = []
    for compute in (
        lambda h, w, b: plain(h, mask, w, b),
        lambda h, w, b: term_weights(*pack(h, mask), w, b),
    ):
        leaves = [tensor.clone().requires_grad_() for tensor in (hidden, weight, bias)]
        value = compute(*leaves)
        results.append((value.detach(), *torch.autograd.grad((value * upstream).sum(), leaves)))
    for ours, theirs in zip(results[1], results[0], strict=True):
        # float32 sums in another order: a few units in the last place
        torch.testing.assert_close(ours, theirs, rtol=2e-5, atol=2e-5)


def test_first_token_wins_a_tie() -> None:
    hidden = torch.tensor([[1.0], [1.0]], requires_grad=True)  # two equal tokens of one text
    value = term_weights(hidden, torch.tensor([0, 2]), torch.tensor([[2.0]]), torch.tensor([0.0]))
    (gradient,) = torch.autograd.grad(value.sum(), [hidden])
    # d log(1 + 2h)/dh = 2 / 3 at h = 1, all of it at the first token
    torch.testing.assert_close(gradient, torch.tensor([[2 / 3], [0.0]]))


def test_worked_example() -> None:
    hidden = torch.tensor([[1.0, 0.0], [0.0, 2.0], [-1.0, -1.0]])  # texts of two tokens and one token
    weight = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    value = term_weights(hidden, torch.tensor([0, 2, 3]), weight, torch.tensor([0.5, -1.0, 0.0]))
    expected = torch.tensor([[1.5, 1.0, 0.0], [0.0, 0.0, 2.0]])  # relu of the best logit, by hand
    torch.testing.assert_close(value, torch.log1p(expected))


def test_a_text_without_tokens_is_the_zero_vector() -> None:
    value = term_weights(torch.zeros(0, 3), torch.tensor([0, 0]), torch.randn(4, 3), torch.full((4,), 9.0))
    assert torch.equal(value, torch.zeros(1, 4))


def test_other_types_take_the_portable_path() -> None:
    hidden, mask, weight, bias = problem(5, 3, 6, 5, 70, 1.0)
    packed, offsets = pack(hidden, mask)
    results = []
    for kind in (torch.float64, torch.float32):
        leaves = [tensor.to(kind).requires_grad_() for tensor in (packed, weight, bias)]
        value = term_weights(leaves[0], offsets, leaves[1], leaves[2])
        results.append(
            [value.detach().float(), *(g.float() for g in torch.autograd.grad(value.square().sum(), leaves))]
        )
    for portable, compiled in zip(*results, strict=True):
        torch.testing.assert_close(compiled, portable, rtol=1e-5, atol=1e-5)


def test_autocast_does_not_round_the_logits() -> None:
    hidden, mask, weight, bias = problem(6, 3, 6, 32, 90, 0.0)
    expected = term_weights(*pack(hidden, mask), weight, bias)
    with torch.autocast("cpu", torch.bfloat16):
        value = term_weights(*pack(hidden, mask), weight, bias)
    assert value.dtype == torch.float32 and torch.equal(value, expected)


def test_a_broken_token_shows_in_the_weights() -> None:
    hidden = torch.tensor([[1.0], [float("nan")], [2.0]])
    for kind in (torch.float32, torch.float64):
        value = term_weights(hidden.to(kind), torch.tensor([0, 3]), torch.ones(1, 1, dtype=kind), None)
        assert bool(torch.isnan(value).all())


def test_gradient_by_finite_differences() -> None:
    hidden, mask, weight, bias = (t.double() if t.is_floating_point() else t for t in problem(11, 2, 4, 3, 9, 0.5))
    packed, offsets = pack(hidden, mask)
    leaves = tuple(tensor.clone().requires_grad_() for tensor in (packed, weight, bias))
    assert torch.autograd.gradcheck(lambda h, w, b: term_weights(h, offsets, w, b), leaves)
