"""The audit's figures against a dense computation on the model's own logits."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForMaskedLM, PreTrainedModel

from rescalade.audit.measure import audit, pooled_logits
from rescalade.audited import Audit, Tried
from rescalade.library import audit_model
from rescalade.texts.token_batch import TokenBatch
from rescalade.variants import Variant
from support.families import tiny_form

MODEL = Path(__file__).resolve().parents[3] / "shared" / "data" / "models" / "splade-tiny"


def batch(rows: int, seed: int) -> TokenBatch:
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, 60, (rows, 9), generator=generator)
    mask = torch.ones_like(ids)
    mask[0, 6:] = 0
    return TokenBatch(ids, mask, mask.bool())


QUERIES, DOCUMENTS = batch(4, 1), batch(8, 2)


def dense(model: PreTrainedModel, texts: TokenBatch, divide: float) -> Tensor:
    """[B, V] by the equation, over real tokens."""
    logits = model(input_ids=texts.input_ids, attention_mask=texts.attention_mask).logits / divide
    return torch.log1p(torch.relu(logits)).masked_fill(~texts.pooled.unsqueeze(2), 0).max(1).values


def find(found: Audit, **wanted: Any) -> Tried:
    rows = [row for row in found.scales if all(getattr(row, key) == value for key, value in wanted.items())]
    assert len(rows) == 1
    return rows[0]


@pytest.mark.parametrize("form", ["bert", "modernbert", "deberta-v2, legacy: false", "eurobert", "gemma2"])
def test_a_row_of_an_exact_mode_is_what_the_divided_logits_give(form: str) -> None:
    model = tiny_form(form)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    found = audit(model, QUERIES, DOCUMENTS)
    row = find(found, k=4.0, mode="folded")
    queries, documents = dense(model, QUERIES, 4), dense(model, DOCUMENTS, 4)
    scores = queries @ documents.t()
    loss = -torch.log_softmax(scores, 1)[torch.arange(4), torch.arange(4)].mean()
    assert row.step0_loss == pytest.approx(loss.item(), rel=1e-5)
    assert row.active_document == (documents > 0).sum(1).float().mean().item()
    assert row.activation_mean == pytest.approx(documents.mean().item(), rel=1e-5)
    assert row.score_mean == pytest.approx(scores.mean().item(), rel=1e-5)
    assert row.logit_error < 1e-6
    after = dict(model.named_parameters())
    assert all(torch.equal(value, after[name]) for name, value in before.items())  # an audit changes nothing


def test_the_gradient_norm_is_that_of_the_dense_loss() -> None:
    model = tiny_form("modernbert")
    found = audit(model, QUERIES, DOCUMENTS)
    scores = dense(model, QUERIES, 1) @ dense(model, DOCUMENTS, 1).t()
    (-torch.log_softmax(scores, 1)[torch.arange(4), torch.arange(4)].mean()).backward()  # type: ignore[no-untyped-call]
    squares = sum(float(value.grad.square().sum()) for value in model.parameters() if value.grad is not None)
    assert find(found, k=1.0, mode="tied").gradient_norm == pytest.approx(math.sqrt(squares), rel=1e-4)


@pytest.mark.parametrize("form", ["bert", "modernbert", "gemma2"])
@pytest.mark.parametrize("special", [True, False])
def test_pooled_logits_are_counted_one_by_one(form: str, special: bool) -> None:
    """Every document, term and token in a plain loop over the model's own logits."""
    model = tiny_form(form)
    mask = DOCUMENTS.attention_mask.bool()
    pooled = mask if special else mask & (torch.arange(9) > 0) & (torch.arange(9) < mask.sum(1, keepdim=True) - 1)
    documents = TokenBatch(DOCUMENTS.input_ids, DOCUMENTS.attention_mask, pooled)
    row = find(audit(model, QUERIES, documents), k=1.0, mode="tied")
    logits = model(input_ids=documents.input_ids, attention_mask=documents.attention_mask).logits.detach()
    first, last, positive, sums = 0, 0, 0, [0.0] * logits.shape[2]
    for text, allowed in zip(logits, pooled.tolist(), strict=True):
        places = [place for place, taken in enumerate(allowed) if taken]
        for term in range(logits.shape[2]):
            values = [float(text[place, term]) for place in places]
            first += values.index(max(values)) == 0
            last += values.index(max(values)) == len(values) - 1
            positive += max(values) > 0
            sums[term] += max(values)
    pairs = len(logits) * logits.shape[2]
    # the audit cuts the padding off before the forward pass: winners that all but tie may change places
    assert row.first_token == pytest.approx(first / pairs, abs=2 / pairs)
    assert row.last_token == pytest.approx(last / pairs, abs=2 / pairs)
    assert row.pooled_positive == pytest.approx(positive / pairs, abs=2 / pairs)
    offsets = [value / len(logits) for value in sums]
    assert row.offset_mean == pytest.approx(statistics.mean(offsets), rel=1e-4, abs=1e-6)
    assert row.offset_sd == pytest.approx(statistics.stdev(offsets), rel=1e-4)


def test_a_text_without_a_token_has_no_maximum() -> None:
    nothing = TokenBatch(DOCUMENTS.input_ids, DOCUMENTS.attention_mask, torch.zeros_like(DOCUMENTS.pooled))
    found = pooled_logits(tiny_form("bert"), nothing)
    assert set(found) == {"first_token", "last_token", "pooled_positive", "offset_mean", "offset_sd"}
    assert all(math.isnan(value) for value in found.values())


def test_the_share_of_positive_pooled_logits_is_that_of_active_terms() -> None:
    found = audit(tiny_form("modernbert"), QUERIES, DOCUMENTS)
    for row in found.scales:
        assert row.pooled_positive == pytest.approx(row.active_document / found.vocabulary, abs=1e-3), row.mode
    kept, divided = find(found, k=1.0, mode="tied"), find(found, k=16.0, mode="folded")
    assert divided.offset_mean == pytest.approx(kept.offset_mean / 16, rel=1e-4)


def test_modes_are_exact_off_or_refused() -> None:
    status = {row.mode: row.status for row in audit(tiny_form("bert"), QUERIES, DOCUMENTS).modes}
    assert status == {"tied": "error", "untied": "exact", "folded": "exact", "multiplier": "exact"}
    rows = {row.mode: row for row in audit(tiny_form("ultrabert"), QUERIES, DOCUMENTS).modes}
    assert rows["folded"].status == "refused" and "untied" in rows["folded"].note
    assert rows["tied"].status == "exact"  # W is not shared there


def test_a_k_that_a_rule_chooses_is_measured_too() -> None:
    found = audit(tiny_form("bert"), QUERIES, DOCUMENTS, [Variant.automatic("width", "untied", bias=True)])
    row = find(found, mode="untied", rule="width")
    assert row.k == found.predicted["width"].power == 2  # 16^(1/4)


def test_what_a_head_cannot_have_is_left_out() -> None:
    found = audit(tiny_form("ultrabert"), QUERIES, DOCUMENTS, [Variant(4, "folded"), Variant(4, "untied", bias=True)])
    assert {row.mode for row in found.scales} == {"tied", "untied"}
    assert not any(row.bias for row in found.scales)


@pytest.mark.skipif(not MODEL.is_dir(), reason="shared/data/models/splade-tiny is not here")
def test_audit_of_a_real_checkpoint() -> None:
    found = audit_model(MODEL)
    assert found.row_norm.mean == pytest.approx(0.6819, abs=5e-5)
    assert found.row_norm.max == pytest.approx(1.022, abs=5e-4)
    assert found.bias_norm == pytest.approx(85.95, abs=5e-3)
    weight = AutoModelForMaskedLM.from_pretrained(MODEL).get_output_embeddings().weight.detach()
    unit = weight / weight.norm(dim=1, keepdim=True)
    sample = unit[torch.randperm(len(unit), generator=torch.Generator().manual_seed(0))[:2000]]
    cosine = (sample @ sample.t()).fill_diagonal_(0).sum() / (2000 * 1999)
    assert found.anisotropy == pytest.approx(cosine.item(), abs=0.01)
    assert {row.mode: row.status for row in found.modes}["tied"] == "error"
    assert find(found, k=1.0, mode="tied").warnings == ()  # it was trained for retrieval


@pytest.mark.parametrize("form", ["bert", "llama", "gemma2"])
def test_an_offset_is_what_the_lowered_logits_give(form: str) -> None:
    """By numpy over pooled logits of other texts, for a head with a bias, without one, and with a soft cap after it."""
    model, texts = tiny_form(form), batch(6, 3)
    found = audit(model, QUERIES, DOCUMENTS, offsets=(0.5, 2.0), offset_texts=[texts])
    assert ([row.c for row in found.offsets], found.offset_texts) == ([None, 0.5, 2.0], 6)
    cap = getattr(model.config, "final_logit_softcapping", None)

    def uncapped(of: TokenBatch) -> Tensor:
        logits = model(input_ids=of.input_ids, attention_mask=of.attention_mask).logits.detach()
        return logits if cap is None else cap * torch.atanh(logits / cap)

    pooled = uncapped(texts).masked_fill(~texts.pooled.unsqueeze(2), -math.inf).amax(1).double().numpy()
    for row in found.offsets:
        low = 0.0 if row.c is None else pooled.mean(0) + row.c * pooled.std(0, ddof=1)
        weights = []
        for of in (QUERIES, DOCUMENTS):
            lowered = uncapped(of).double() - torch.as_tensor(low)
            lowered = lowered if cap is None else cap * torch.tanh(lowered / cap)
            weights.append(torch.log1p(lowered.relu()).masked_fill(~of.pooled.unsqueeze(2), 0).amax(1))
        scores = weights[0] @ weights[1].t()
        loss = -torch.log_softmax(scores, 1)[range(4), range(4)].mean()
        assert row.step0_loss == pytest.approx(loss.item(), rel=1e-3)
        assert row.active_query == pytest.approx((weights[0] > 0).sum(1).double().mean().item(), abs=0.3)
        assert row.active_document == pytest.approx((weights[1] > 0).sum(1).double().mean().item(), abs=0.3)
        assert (row.score_mean, row.score_sd) == pytest.approx((scores.mean().item(), scores.std().item()), rel=1e-3)
        first = [all(query[number] > other for other in [*query[:number], *query[number + 1 :]])
                 for number, query in enumerate(scores)]  # fmt: skip
        assert row.accuracy == sum(first) / 4
    assert found.offsets[0].step0_loss == pytest.approx(find(found, k=1.0, mode="tied").step0_loss, rel=1e-5)
    assert audit(model, QUERIES, DOCUMENTS).offsets == ()


def test_a_head_that_finds_nothing_is_not_said_to_find(tmp_path: Path) -> None:
    """With an offset so high that every score is 0, all documents are level, and the first one is no find."""
    (_, row) = audit(tiny_form("llama"), QUERIES, DOCUMENTS, offsets=(50.0,), offset_texts=[batch(6, 3)]).offsets
    assert (row.active_document, row.score_mean, row.accuracy) == (0, 0, 0)
