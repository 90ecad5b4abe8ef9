"""The plan of a run: what it counts by a walk over the batches, what it foretells by what autograd really keeps."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from rescalade.splade.model import SpladeModel
from rescalade.splade.modules import sparse_encoder
from rescalade.texts.layout import Layout
from rescalade.texts.micro_batches import micro_batches
from rescalade.training.examples import Examples, collate, packed
from rescalade.training.forecast import HEAP, Plan, make_plan
from rescalade.training.objective import SpladeObjective
from rescalade.training.settings import TrainSettings
from rescalade.training.sharding import Sharding
from support.encoding import splade_config
from support.training import Tokenizer, examples, still, texts_of

ROWS = 8


def even(triples: int, query: int, document: int) -> Examples:
    """Texts of two lengths."""
    numbers, chance = np.arange(triples), np.random.default_rng(0)
    queries, documents = (packed(chance.integers(5, 400, size)) for size in ((triples, query), (2 * triples, document)))
    return Examples(queries, documents, np.column_stack([numbers, numbers, triples + numbers]))


def model(dropout: float) -> SpladeModel:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=400, hidden_size=64, num_hidden_layers=3, num_attention_heads=4, intermediate_size=256,
        hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout,
    )  # fmt: skip
    return SpladeModel(BertForMaskedLM(config))


def plan(settings: TrainSettings, data: Examples, of: SpladeModel, devices: int = 1) -> Plan:
    return make_plan(of, data, settings, Sharding(settings.accumulation, settings.batch_size, devices), seed=3, steps=2)


def test_tokens_and_examples_are_those_of_the_batches() -> None:
    data, settings = examples(12, negatives=2), TrainSettings(batch_size=4, accumulation=2, negatives=2)
    drawn = [int(n) for batch in itertools.islice(micro_batches(12, 4, 3), 4) for n in batch]
    texts = [
        t for n in drawn for t in texts_of(data.queries, data.rows[n, :1]) + texts_of(data.documents, data.rows[n, 1:])
    ]
    found = plan(settings, data, still())
    assert (found.tokens, found.drawn, found.queries_per_step) == (sum(map(len, texts)), len(set(drawn)), 8)


@pytest.mark.parametrize(("precision", "dropout"), [("fp32", 0.0), ("fp32", 0.1), ("bf16", 0.1)])
def test_what_the_encoder_keeps_is_foretold(precision: Any, dropout: float) -> None:
    """Bytes of the storages that autograd saves; the share that the head keeps is small at this vocabulary."""
    data, of = even(ROWS, 16, 96), model(dropout)
    settings = TrainSettings(batch_size=ROWS, precision=precision)
    tokenizer: Any = Tokenizer()
    encoder = sparse_encoder(of, tokenizer, layout=Layout(96), precision=precision)
    batch = collate(tokenizer, data, range(ROWS), splade_config())
    features = [
        {name: batch[f"{side}_{name}"] for name in ("input_ids", "attention_mask", "pooled")}
        for side in ("query", "document")
    ]
    objective = SpladeObjective(encoder, settings, Sharding(1, ROWS), ROWS)
    known = {parameter.data_ptr() for parameter in of.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    encoder.train()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = objective(features)
    assert torch.isfinite(loss)
    foretold = plan(settings, data, of).encoder / HEAP["cpu"]
    assert foretold == pytest.approx(sum(kept.values()), rel=0.25)


def test_pieces_and_devices_lower_it_by_their_number() -> None:
    data, of = even(ROWS, 96, 96), model(0.1)
    settings = TrainSettings(batch_size=ROWS, accumulation=2)
    whole = plan(settings, data, of)
    pieces = plan(settings.model_copy(update={"encode_rows": 3}), data, of)
    shared = plan(settings, data, of, devices=4)  # two devices share a logical batch
    assert whole.encoder == pytest.approx(8 * pieces.encoder, rel=1e-6)  # 24 texts, 3 at a time
    assert whole.encoder == pytest.approx(2 * shared.encoder, rel=1e-6)
    weights = sum(parameter.numel() for parameter in of.parameters())
    assert whole.states == 16 * weights  # the second micro-batch finds the gradients of the first
