"""The SPLADE pooling: term weights from decoder inputs without ever holding the [tokens, vocabulary] logits.

    y[b, j] = max over tokens l of text b of log(1 + relu(h[l] . w[j] + b[j]))

log, relu and the bias commute with the max, so the maximum of ``h . w`` is taken first, chunk of
vocabulary by chunk, over packed real tokens, keeping the winning token. Only the winner receives a
gradient, so the backward pass touches active (text, term) pairs and nothing else. The first token
wins a tie in every back end.

Equation: Formal et al., SPLADE v2, arXiv 2109.10086, eq. 6.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rescalade.splade.backends import Backend, adaptive, compiled, portable, screen
from rescalade.splade.backends.autograd import Accumulate, Search, TermWeights
from rescalade.splade.backends.choose import choose, exact_type

_PAIRS: dict[Backend, tuple[Search, Accumulate]] = {
    "auto": (adaptive.search, compiled.accumulate),
    "portable": (portable.search, portable.accumulate),
    "numba": (compiled.search, compiled.accumulate),
    "screen": (screen.search, compiled.accumulate),
}


def term_weights(
    hidden: Tensor, offsets: Tensor, weight: Tensor, bias: Tensor | None, backend: Backend = "auto"
) -> Tensor:
    """Term weights of packed texts.

    Args:
        hidden: [T, D] decoder inputs of the tokens that count, text after text: float32, float64 for tests, or
            the half precision of an autocast region. Logits are float32 sums at least, whatever autocast says.
        offsets: [B + 1] int64 on the CPU; text b owns rows offsets[b]:offsets[b + 1]. A text without
            tokens gets the zero vector.
        weight: [V, D] output projection W, float32 as a rule.
        bias: [V] or None.
        backend: `auto` takes the fastest one that applies; all give the same winners and gradients.

    Returns:
        [B, V] float32 (float64 for float64 inputs), each >= 0. Differentiable in hidden, weight and bias.

    Raises:
        UserError: the named back end is unknown or cannot compute these tensors on this machine.
    """
    if bias is None:
        bias = weight.new_zeros(weight.shape[0])
    # the tensors arrive in the type that they are to be multiplied in; autocast would round them again
    with torch.autocast(hidden.device.type, enabled=False):
        chosen = choose(backend, hidden, weight)
        if chosen == "triton":
            from rescalade.splade.backends.cuda import pooling as cuda_pooling

            return cuda_pooling.compute(hidden, offsets, weight, bias)
        kind = exact_type(hidden, weight)
        search, accumulate = _PAIRS[chosen]
        weights: Tensor = TermWeights.apply(  # type: ignore[no-untyped-call]
            hidden.to(kind), offsets, weight.to(kind), bias.to(kind), search, accumulate
        )
        return weights


def pack(hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Drop the positions that do not count.

    Args:
        hidden: [B, L, D]; mask: [B, L] bool, True where a token counts.

    Returns:
        ([T, D] rows in order, [B + 1] int64 offsets on the CPU).
    """
    lengths = mask.sum(1).to("cpu", torch.int64)
    offsets = torch.zeros(len(lengths) + 1, dtype=torch.int64)
    torch.cumsum(lengths, 0, out=offsets[1:])
    return hidden[mask], offsets


def operand(hidden: Tensor, half: bool) -> Tensor:
    """Decoder inputs in the type in which they are multiplied with W.

    Under bf16 the norm before the decoder still gives float32. On CUDA they become bfloat16 again, as a decoder layer
    in the same autocast region would make them, so that tensor cores multiply them; sums and scores stay float32.
    A CPU pools in float32.
    """
    return hidden.bfloat16() if half and hidden.is_cuda else hidden.float()
