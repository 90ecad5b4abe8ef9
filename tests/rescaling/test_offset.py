"""The offset of each term: against all logits held at once, by hand, in every mode, and from disk again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from rescalade.errors import UserError
from rescalade.models.load import load_lm
from rescalade.models.locate import locate_head
from rescalade.rescaling.divide import apply
from rescalade.rescaling.multiplier import bake
from rescalade.rescaling.offset import PooledLogits, lower, measure_pooled
from rescalade.splade.model import SpladeModel
from rescalade.texts.token_batch import TokenBatch
from rescalade.variants import Mode, Variant
from support.families import tiny_form

LENGTHS = (7, 3, 12, 1, 9, 5, 4)
SKIPPED = 2
"""Positions at the start of every text that are not pooled; a text of one token has none that is."""


def batch(lengths: tuple[int, ...], first: int) -> TokenBatch:
    width = max(lengths)
    generator = torch.Generator().manual_seed(first)
    ids = torch.randint(3, 60, (len(lengths), width), generator=generator)
    mask = torch.arange(width) < torch.tensor(lengths)[:, None]
    ids[~mask] = 0
    return TokenBatch(ids, mask.long(), mask & (torch.arange(width) >= SKIPPED))


BATCHES = [batch(LENGTHS[:3], 1), batch(LENGTHS[3:], 2)]


def pooled(model: PreTrainedModel) -> np.ndarray:
    """[N, V] float64, text by text without padding, by numpy."""
    rows = []
    for part in BATCHES:
        for ids, mask in zip(part.input_ids, part.attention_mask, strict=True):
            with torch.no_grad():
                logits = model(input_ids=ids[None, : int(mask.sum())]).logits[0, SKIPPED:]
            if len(logits):
                rows.append(logits.numpy().astype(np.float64).max(axis=0))
    return np.stack(rows)


@pytest.mark.parametrize("form", ["bert", "llama"])
def test_mean_and_deviation_are_those_of_all_texts_at_once(form: str) -> None:
    model = tiny_form(form)
    found, dense = measure_pooled(model, BATCHES), pooled(model)
    assert found.texts == len(dense) == len(LENGTHS) - 1
    # padding changes the order of float32 sums in the encoder
    np.testing.assert_allclose(found.mean, dense.mean(axis=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.sd, dense.std(axis=0, ddof=1), rtol=1e-4, atol=1e-6)


def test_an_offset_by_hand() -> None:
    model = tiny_form("llama")
    ids = BATCHES[0].input_ids
    with torch.no_grad():
        z = model(input_ids=ids).logits
    mean, sd = torch.arange(60, dtype=torch.float64), torch.full((60,), 0.25, dtype=torch.float64)
    lower(model, PooledLogits(mean, sd, 4), 2)
    with torch.no_grad():
        found = model(input_ids=ids).logits
    for term in (0, 1, 59):  # m = 0, 1, 59, and c s = 2 · 0.25
        torch.testing.assert_close(found[..., term], z[..., term] - term - 0.5)


@pytest.mark.parametrize(
    ("form", "mode", "bias"),
    [
        ("bert", "untied", False),
        ("bert", "folded", True),
        ("bert", "multiplier", False),
        ("bert", "multiplier", True),
        ("modernbert", "folded", False),
        ("llama", "tied", False),
        ("llama", "multiplier", False),
        ("llama, tied", "folded", False),
        ("deberta-v2, legacy: false", "folded", True),
    ],
)
def test_it_is_z_less_m_less_c_s_over_k_and_survives_saving(form: str, mode: Mode, bias: bool, tmp_path: Path) -> None:
    model, c, k = tiny_form(form), 1.5, 4.0
    dense = pooled(model)
    expected = (dense - dense.mean(axis=0) - c * dense.std(axis=0, ddof=1)) / k
    apply(model, Variant(k, mode, bias))
    lower(model, measure_pooled(model, BATCHES), c)
    np.testing.assert_allclose(pooled(model), expected, rtol=1e-4, atol=2e-6)
    bake(model)
    model.save_pretrained(tmp_path)
    np.testing.assert_allclose(pooled(load_lm(tmp_path)), expected, rtol=1e-4, atol=2e-6)
    weights = SpladeModel(model)(BATCHES[0].input_ids, BATCHES[0].attention_mask, BATCHES[0].pooled)
    np.testing.assert_allclose(
        weights.detach().numpy(), np.log1p(np.maximum(expected[: len(weights)], 0)), rtol=1e-4, atol=2e-6
    )


def test_where_the_division_is_not_exact_the_offset_is_that_of_the_divided_model() -> None:
    model = tiny_form("bert")
    apply(model, Variant(16, "tied"))
    lower(model, measure_pooled(model, BATCHES), 3)
    after = pooled(model)
    np.testing.assert_allclose(after.mean(axis=0), -3 * after.std(axis=0, ddof=1), rtol=1e-4, atol=1e-6)


def test_a_soft_cap_stays_and_bends_what_is_left() -> None:
    model = tiny_form("gemma2")
    cap = locate_head(model).soft_cap
    assert cap is not None
    free = tiny_form("gemma2, not capped")
    dense = pooled(free)
    lower(model, measure_pooled(model, BATCHES), 1)
    inside = dense - dense.mean(axis=0) - dense.std(axis=0, ddof=1)
    np.testing.assert_allclose(pooled(model), cap * np.tanh(inside / cap), rtol=1e-4, atol=1e-5)


def test_higher_c_leaves_fewer_terms_active() -> None:
    active = []
    for c in (0.0, 1.0, 2.0):
        model = tiny_form("llama")
        lower(model, measure_pooled(model, BATCHES), c)
        active.append(int((pooled(model) > 0).sum()))
    assert active[0] > active[1] > active[2] and active[0] < 60 * (len(LENGTHS) - 1)


def test_the_offset_trains_like_any_bias() -> None:
    model = tiny_form("llama")
    lower(model, measure_pooled(model, BATCHES), 0)
    splade = SpladeModel(model)
    splade(BATCHES[0].input_ids, BATCHES[0].attention_mask, BATCHES[0].pooled).sum().backward()
    bias = splade.head.bias
    assert bias is not None and bias.grad is not None and bool(bias.grad.any())


def nan_weights(model: PreTrainedModel) -> PreTrainedModel:
    with torch.no_grad():
        locate_head(model).weight[5] = torch.nan
    return model


def test_refusals() -> None:
    with pytest.raises(UserError, match="1 texts have a pooled token; at least 2"):
        measure_pooled(tiny_form("llama"), [batch((5, 1), 3)])
    with pytest.raises(UserError, match="not finite"):
        measure_pooled(nan_weights(tiny_form("llama")), BATCHES)
    with pytest.raises(UserError, match="finite number is expected"):
        lower(tiny_form("llama"), PooledLogits(Tensor([0.0]), Tensor([0.0]), 2), float("nan"))
