"""Queries without a model: every token that a query has is worth what a table says, once however often it comes.

    y[b, j] = t[j] if token j is in query b, else 0

Source: SparseStaticEmbedding of sentence-transformers; Geng et al., Towards Competitive Search Relevance For
Inference-Free Learned Sparse Retrievers, arXiv 2411.04403, where t is the inverse document frequency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rescalade.errors import UserError, let_refusals_through
from rescalade.models.load import check_numbers, load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class QueryTable:
    """weight: t [V] float32, finite, each >= 0. tokenizer: of queries, which adds no special tokens."""

    weight: Tensor
    tokenizer: PreTrainedTokenizerBase

    def to(self, device: str) -> QueryTable:
        """The table on a device."""
        return replace(self, weight=self.weight.to(device))

    def weights(self, rows: Sequence[NDArray[np.int32]]) -> Tensor:
        """[B, V] term weights of queries by their token numbers."""
        present = torch.zeros(len(rows), len(self.weight), device=self.weight.device)
        for number, row in enumerate(rows):
            present[number, torch.from_numpy(row).long().to(self.weight.device)] = 1.0
        return present * self.weight


def load_query_table(folder: Path, vocabulary: int) -> QueryTable:
    """Load a table of query weights with its tokenizer.

    Args:
        vocabulary: V of the model that reads the documents.

    Raises:
        UserError: it is not there as safetensors or damaged, of another size, or has weights that are negative or not
            finite; or its tokenizer does not load or has tokens beyond it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / WEIGHTS
    if not path.is_file():
        raise UserError(
            f"{path} is missing: the table of query weights as safetensors; save the model once with a current "
            "sentence-transformers"
        )
    try:
        found = load_file(path)
    except (SafetensorError, OSError) as error:
        let_refusals_through(error)
        raise UserError(f"{path} cannot be read ({error}); copy it again from where the model came from") from None
    if set(found) != {"weight"} or found["weight"].shape != (vocabulary,):
        shapes = {name: tuple(tensor.shape) for name, tensor in found.items()}
        raise UserError(
            f"{path}: expected one weight of each of the {vocabulary} terms of the model that reads documents, found "
            f"{shapes}; the two do not belong together"
        )
    weight = found["weight"].float()
    if not bool(weight.isfinite().all()) or bool((weight < 0).any()):
        raise UserError(f"{path}: {int((~(weight >= 0)).sum())} of its weights are negative or not finite")
    tokenizer = load_tokenizer(folder, with_model=False)
    check_numbers(tokenizer, vocabulary, folder)
    return QueryTable(weight, tokenizer)
