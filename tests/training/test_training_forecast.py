"""The plan of a run: what it counts by a walk over the batches, what it foretells by what autograd really keeps."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM, LlamaConfig, LlamaForCausalLM

from rescalade.errors import UserError
from rescalade.models.lora import add_adapters
from rescalade.models.lora_settings import LoraSettings
from rescalade.models.recompute import recompute_layers
from rescalade.splade.model import SpladeModel
from rescalade.splade.modules import sparse_encoder
from rescalade.texts.layout import Layout
from rescalade.texts.micro_batches import micro_batches
from rescalade.training.examples import Examples, collate, packed
from rescalade.training.forecast import HEAP, Plan, make_plan
from rescalade.training.memory import Share, Sizes, memory_of
from rescalade.training.objective import SpladeObjective
from rescalade.training.room import GB
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


def kept(settings: TrainSettings, data: Examples, of: SpladeModel) -> int:
    """Bytes of the storages that autograd saves, weights left out."""
    tokenizer: Any = Tokenizer()
    encoder = sparse_encoder(of, tokenizer, layout=Layout(96), precision=settings.precision)
    batch = collate(tokenizer, data, range(ROWS), splade_config())
    features = [
        {name: batch[f"{side}_{name}"] for name in ("input_ids", "attention_mask", "pooled")}
        for side in ("query", "document")
    ]
    objective = SpladeObjective(encoder, settings, Sharding(1, ROWS), ROWS)
    known = {parameter.data_ptr() for parameter in of.parameters()}
    held: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            held[storage.data_ptr()] = storage.nbytes()
        return tensor

    encoder.train()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = objective(features)
    assert torch.isfinite(loss)
    return sum(held.values())


@pytest.mark.parametrize(("precision", "dropout"), [("fp32", 0.0), ("fp32", 0.1), ("bf16", 0.1)])
def test_what_the_encoder_keeps_is_foretold(precision: Any, dropout: float) -> None:
    """Bytes of the storages that autograd saves; the share that the head keeps is small at this vocabulary."""
    data, of = even(ROWS, 16, 96), model(dropout)
    settings = TrainSettings(batch_size=ROWS, precision=precision)
    foretold = plan(settings, data, of).encoder / HEAP["cpu"]
    assert foretold == pytest.approx(kept(settings, data, of), rel=0.25)


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


LORA = LoraSettings(rank=4)
HALF = LoraSettings(rank=4, frozen_weights="bf16")


def llama(lora: LoraSettings | None) -> SpladeModel:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=400, hidden_size=64, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=192, max_position_embeddings=128,
    )  # fmt: skip
    made = LlamaForCausalLM(config)
    if lora is not None:
        add_adapters(made, lora, seed=0)
    return SpladeModel(made)


@pytest.mark.parametrize(
    ("lora", "precision", "again"),
    [(None, "fp32", False), (LORA, "fp32", False), (LORA, "bf16", False), (LORA, "fp32", True), (HALF, "bf16", True)],
)
def test_what_a_llama_keeps_is_foretold(lora: LoraSettings | None, precision: Any, again: bool) -> None:
    settings = TrainSettings(batch_size=ROWS, precision=precision, lora=lora, gradient_checkpointing=again)
    data, of = even(ROWS, 16, 96), llama(lora)
    foretold = plan(settings, data, of).encoder / HEAP["cpu"]
    if again:  # and of one layer all, which is not there yet when the forward pass ends
        recompute_layers(of.masked_lm)
        whole = settings.model_copy(update={"gradient_checkpointing": False})
        layer = (plan(whole, data, of).encoder / HEAP["cpu"] - 9 * 64 * ROWS * (16 + 2 * 96)) / 3
        foretold -= layer
    assert foretold == pytest.approx(kept(settings, data, of), rel=0.25)


def test_an_eight_billion_llama_fits_80_gb_by_adapters_half_weights_and_layers_computed_again() -> None:
    """Llama-3.1-8B by the published shape, 32 queries of 16 documents on one device, 16 texts at once."""
    trained, others = 41_943_040, 8_030_261_248  # adapters of rank 16; all its weights
    shape: dict[str, Any] = {"layers": 32, "width": 4096, "inner": 14336, "heads": 32, "keys": 1024, "gated": True}
    shape["vocabulary"] = 128256
    share = Share(rows=32, parts=1, negatives=15, batches=1, query=32, document=128)
    small = TrainSettings(
        precision="bf16", encode_rows=16, gradient_checkpointing=True, lora=LoraSettings(frozen_weights="bf16")
    )
    sizes = Sizes(**shape, trained=trained, frozen=2 * others, read=6 * 4096 + 14336)
    found = memory_of(sizes, small, share, heap=HEAP["cuda"])
    assert found.states == 2 * others + 16 * trained
    assert found.all < 40 * GB
    # without each of the three it takes more: by what is kept of 31 layers, by the other half, by all moments
    whole = memory_of(sizes, small.model_copy(update={"gradient_checkpointing": False}), share, heap=HEAP["cuda"])
    assert 2.5 * found.encoder < whole.encoder
    free = memory_of(Sizes(**shape, trained=others), small.model_copy(update={"lora": None}), share, heap=HEAP["cuda"])
    assert free.states == 16 * others > 80 * GB


def test_weights_that_cannot_fit_are_refused_with_the_next_remedy() -> None:
    data, of = even(ROWS, 16, 96), llama(None)
    for lora, remedy in (
        (None, "train adapters instead of all weights"),
        (LORA, "hold the frozen weights in bf16"),
        (HALF, "take a larger device"),
    ):
        settings = TrainSettings(batch_size=ROWS, precision="bf16", lora=lora)
        small = replace(plan(settings, data, of), available=1000)
        with pytest.raises(UserError, match=f"^not enough memory: weights and AdamW alone take .* GB, .*{remedy}"):
            small.check(settings)
