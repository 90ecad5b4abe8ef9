"""The stage `adapt` on files: killed and taken up again, what it leaves, and what it refuses."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file
from transformers import PreTrainedTokenizerFast

from rescalade.adaptation.adapt_stage import adapt_backbone
from rescalade.adaptation.history import COLUMNS, read_history
from rescalade.adaptation.settings import AdaptSettings
from rescalade.backbones.vocabulary import as_transformers, train_wordpiece
from rescalade.errors import UserError
from rescalade.models.load import load_lm, load_tokenizer
from rescalade.models.lora_settings import LoraSettings
from rescalade.objective.measures import Row
from rescalade.progress import Progress
from rescalade.texts.collection import CORPUS, QRELS, QUERIES, Collection
from support.families import tiny_form
from support.small_collections import write_collection
from support.training import without_time

TEXTS = [" ".join(f"{chr(97 + (n * k) % 7)}{chr(97 + k % 5)}" for k in range(1, 4 + n % 9)) for n in range(40)]
SETTINGS = AdaptSettings(
    steps=7, batch_size=3, accumulation=2, length=8, learning_rate=1e-2, warmup_steps=2, checkpoint_every=2,
    lora=LoraSettings(rank=2), gradient_checkpointing=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tied Llama with a tokenizer of its own, and a collection."""
    folder = tmp_path_factory.mktemp("adapt")
    tiny_form("llama, tied").save_pretrained(folder / "model")
    tokenizer: PreTrainedTokenizerFast = as_transformers(train_wordpiece(TEXTS, 60), 64, causal=True)
    tokenizer.save_pretrained(folder / "model")
    rows = [{"id": str(n), "title": "", "text": text} for n, text in enumerate(TEXTS)]
    tables = (
        pa.Table.from_pylist(rows, schema=CORPUS),
        pa.Table.from_pylist([{"id": "q", "text": "q", "group": ""}], schema=QUERIES),
        pa.Table.from_pylist([{"query_id": "q", "document_id": "0", "grade": 1}], schema=QRELS),
    )
    write_collection(folder / "data", Collection(*tables))
    return folder


def adapted(
    world: Path, output: Path, settings: AdaptSettings = SETTINGS, progress: Progress | None = None
) -> tuple[list[Row], dict[str, torch.Tensor]]:
    (output / "model").mkdir(parents=True, exist_ok=True)
    rows = adapt_backbone(
        world / "model", world / "data", settings, checkpoints=output / "unfinished", output=output / "model",
        name="small", device="cpu", progress=progress,
    )  # fmt: skip
    return rows, load_file(output / "model" / "model.safetensors")


@pytest.mark.parametrize("lora", [SETTINGS.lora, None], ids=["adapters", "all weights"])
def test_a_killed_phase_ends_with_the_same_bits(lora: LoraSettings | None, world: Path, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"lora": lora})

    def stop(done: int, total: int, row: dict[str, float]) -> None:
        if done == 5:
            raise KeyboardInterrupt

    whole, weights = adapted(world, tmp_path / "whole", settings)
    with pytest.raises(KeyboardInterrupt):
        adapted(world, tmp_path / "broken", settings, stop)
    steps: list[int] = []
    again, others = adapted(world, tmp_path / "broken", settings, lambda done, *_: steps.append(done))
    assert steps == [5, 6, 7]
    assert without_time(whole) == without_time(again)
    assert weights.keys() == others.keys() and all(torch.equal(weights[name], others[name]) for name in weights)


def test_what_it_leaves(world: Path, tmp_path: Path) -> None:
    """A backbone like the one before: head and embeddings as they were and tied, matrices moved by the adapters."""
    rows, weights = adapted(world, tmp_path)
    before = load_file(world / "model" / "model.safetensors")
    moved = {name for name in before if not torch.equal(before[name], weights[name])}
    assert moved == {name for name in before if name.endswith("_proj.weight")}
    model = load_lm(tmp_path / "model")
    assert model.lm_head.weight is model.get_input_embeddings().weight and model.config.tie_word_embeddings
    assert load_tokenizer(tmp_path / "model").eos_token == "[SEP]"
    table = read_history(tmp_path / "model")
    assert table is not None and table.to_pylist() == rows and tuple(table.column_names) == COLUMNS
    expected = [0, 0.5, *((1 + math.cos(math.pi * k / 5)) / 2 for k in range(5))]  # two steps of warm-up, then cosine
    assert [row["learning_rate"] for row in rows] == pytest.approx([1e-2 * factor for factor in expected])


def test_what_cannot_be_adapted_is_refused(world: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"adaptation.length 65: backbone small has positions for 64 tokens"):
        adapted(world, tmp_path, SETTINGS.model_copy(update={"length": 65}))
    masked = tmp_path / "masked"
    tiny_form("bert").save_pretrained(masked / "model")
    load_tokenizer(world / "model").save_pretrained(masked / "model")
    (masked / "data").symlink_to(world / "data")
    with pytest.raises(UserError, match=r"backbone small: bert is a masked language model, which predicts no next"):
        adapted(masked, tmp_path / "out")
    with pytest.raises(ValueError, match="warmup_steps 7 must be less than steps 7"):
        AdaptSettings(steps=7, warmup_steps=7)
