"""Texts of any lengths encoded by a causal model in one pass on a CPU, without padding.

    [B, L] with padding  ->  [1, T], text after text from the shortest to the longest

Norms, projections and feed-forward blocks know no texts, so they compute the T tokens that are there, and read their
weights once. Attention computes the texts of one length together, which lie side by side, and needs no mask for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from rescalade.splade.length_groups import Features, reorder
from rescalade.splade.model import SpladeModel
from rescalade.splade.pooling import operand, pack

NAME = "rescalade_unpadded"
"""Under which transformers knows the attention of this file; it makes no masks for a name that it has none for."""
ROUNDING = 1e-4
"""Relative difference of hidden states up to which both ways count as equal: sums of float32 in another order."""

_HOLDS: WeakKeyDictionary[SpladeModel, bool] = WeakKeyDictionary()


def takes(splade: SpladeModel, features: Features) -> bool:
    """Whether a batch goes this way: on a CPU, padded on the right, through a causal model that computes the same.

    Layers that see a window of the text alone are left out, and so is a model compiled by torch.
    """
    mask, config = features["attention_mask"], splade.masked_lm.config
    if not splade.head.family.causal or mask.device.type != "cpu" or torch.compiler.is_compiling():
        return False
    if splade.masked_lm._compiled_call_impl is not None:
        return False
    if config._attn_implementation != "sdpa" or not bool((mask.diff(dim=1) <= 0).all()):
        return False
    if not set(getattr(config, "layer_types", None) or ()) <= {"full_attention"}:
        return False
    if getattr(config, "sliding_window", None) is not None or int(mask.sum()) < len(mask):
        return False
    if splade not in _HOLDS:
        _HOLDS[splade] = _is_equal(splade)
    return _HOLDS[splade]


def unpadded_inputs(splade: SpladeModel, features: Features, *, half: bool) -> tuple[Tensor, Tensor]:
    """Decoder inputs as of `rescalade.splade.packed_inputs`, of a batch that `takes` accepts."""
    mask = features["attention_mask"].bool()
    rows = torch.argsort(mask.sum(1), stable=True)
    mask = mask[rows]
    hidden = _hidden(splade, features["input_ids"][rows][mask], mask.sum(1), half)
    pooled = features["pooled"].bool()[rows]
    # a position that is pooled is one that is real
    counted = pooled[mask]
    lengths = pooled.sum(1)
    offsets = torch.zeros(len(lengths) + 1, dtype=torch.int64)
    torch.cumsum(lengths, 0, out=offsets[1:])
    return reorder([(operand(hidden[0, counted], half), offsets)], rows)


def _hidden(splade: SpladeModel, tokens: Tensor, lengths: Tensor, half: bool) -> Tensor:
    """[1, T, D] transformed hidden states of tokens [T], texts of lengths [B] in ascending order."""
    offsets = torch.zeros(len(lengths) + 1, dtype=torch.int32)
    torch.cumsum(lengths, 0, out=offsets[1:])
    places = torch.arange(len(tokens)) - offsets[:-1].repeat_interleave(lengths)
    with _attention(splade), torch.autocast("cpu", torch.bfloat16, enabled=half):
        hidden: Tensor = splade.masked_lm(
            input_ids=tokens[None], position_ids=places[None], cu_seq_lens_q=offsets, use_cache=False
        ).logits
    return hidden


@contextmanager
def _attention(splade: SpladeModel) -> Iterator[None]:
    """Attention by texts for a while."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    config = splade.masked_lm.config
    was, config._attn_implementation = config._attn_implementation, NAME
    try:
        yield
    finally:
        config._attn_implementation = was


def attend(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """Attention of transformers' form, each text by itself.

    Args:
        query: [1, H, T, d], key and value with the heads that the module has of them.
        options: cu_seq_lens_q [B + 1] int32, where the texts begin, in ascending order of length; others are those of
            transformers' scaled dot product.

    Returns:
        [1, T, H, d], None.
    """
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    lengths = [length for length in options.pop("cu_seq_lens_q").diff().tolist() if length]  # an empty text has no row
    found, begin = [], 0
    for length, texts in groupby(lengths):
        count = len(list(texts))
        queries, keys, values = (_cut(states, begin, count, length) for states in (query, key, value))
        out, _ = sdpa_attention_forward(module, queries, keys, values, None, **options)
        found.append(out.flatten(0, 1))
        begin += count * length
    return torch.cat(found)[None], None


def _cut(states: Tensor, begin: int, count: int, length: int) -> Tensor:
    """[count, H, length, d] of [1, H, T, d], without a copy."""
    texts = states[0, :, begin : begin + count * length]
    return texts.view(len(texts), count, length, -1).transpose(0, 1)


def _is_equal(splade: SpladeModel) -> bool:
    """Whether the model heeds texts, positions and attention so given, by what it gives for three texts of its ids."""
    vocabulary = splade.head.weight.shape[0]
    mask = torch.tensor([[1, 0, 0, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    ids = torch.arange(15).view(3, 5) * 7 % vocabulary * mask
    training = splade.training
    with torch.no_grad():
        splade.eval()
        try:
            hidden = _hidden(splade, ids[mask.bool()], mask.sum(1), False)[0]
        except (TypeError, ValueError, RuntimeError):  # what a model without these arguments says
            return False
        finally:
            splade.train(training)
        splade.eval()
        expected, _ = pack(splade.decoder_inputs(ids, mask), mask.bool())
        splade.train(training)
    return float((hidden - expected).norm()) <= ROUNDING * float(expected.norm())
