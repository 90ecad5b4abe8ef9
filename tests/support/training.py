"""A tiny training problem, and what the trainer needs of a tokenizer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rescalade.progress import Progress
from rescalade.splade.model import SpladeModel
from rescalade.texts.tokens import Tokens
from rescalade.training.examples import Examples, packed
from rescalade.training.process_group import ProcessGroup
from rescalade.training.settings import TrainSettings
from rescalade.training.train import Trained, train
from support.models import tiny


class Tokenizer:
    """What training on token numbers needs of a tokenizer."""

    pad_token_id = 0
    all_special_ids = (0, 1)


def examples(count: int = 12, negatives: int = 1, teacher: bool = False) -> Examples:
    """`count` examples of short texts of different lengths, without chance."""
    documents = [[1, 5 + i % 50, 9, 10 + i % 45, *range(20, 20 + i % 4), 3] for i in range(count * (1 + negatives))]
    rows = [[i, i, *(count + i * negatives + n for n in range(negatives))] for i in range(count)]
    scores = np.random.default_rng(0).normal(size=(count, 1 + negatives)).astype(np.float32) if teacher else None
    return Examples(
        queries=packed([1, 5 + i % 50, 6 + i % 40, *range(30, 30 + i % 3)] for i in range(count)),
        documents=packed(documents),
        rows=np.array(rows),
        teacher=scores,
    )


def texts_of(tokens: Tokens, numbers: Iterable[int]) -> list[list[int]]:
    """Token numbers of some texts."""
    return [tokens.numbers[tokens.offsets[n] : tokens.offsets[n + 1]].tolist() for n in numbers]


def still(kind: str = "bert") -> SpladeModel:
    """A tiny model without dropout."""
    model = tiny(kind)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return SpladeModel(model)


def run(
    folder: Path,
    settings: TrainSettings,
    *,
    data: Examples | None = None,
    model: SpladeModel | None = None,
    seed: int = 7,
    progress: Progress | None = None,
    group: ProcessGroup | None = None,
) -> tuple[Trained, dict[str, torch.Tensor]]:
    """Train a tiny model; its history and its final weights."""
    model = model or SpladeModel(tiny("bert"))
    tokenizer: Any = Tokenizer()
    trained = train(model, tokenizer, data or examples(), settings, seed, folder, progress, group=group)
    return trained, {name: value.clone() for name, value in model.state_dict().items()}


def without_time(history: list[dict[str, float]]) -> list[dict[str, float]]:
    """Rows that can be compared."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]
