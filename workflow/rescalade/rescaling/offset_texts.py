"""The texts on which the offset of each term is measured: of a data set, without labels, or of a user's file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rescalade.errors import UserError
from rescalade.rescaling.offset import FEWEST
from rescalade.texts.layout import Layout
from rescalade.texts.token_batch import TokenBatch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from rescalade.models.splade_config import SpladeConfig

TEXTS = 256
"""Half of them queries, half documents, at equal distances over the data set, so that they are always the same."""
LOGITS = 2**25
"""Logits [B, L, V] of a batch, at most: 128 MiB of float32, unless one text has more."""


def collection_batches(
    collection: Path, tokenizer: PreTrainedTokenizerBase, how: SpladeConfig, vocabulary: int
) -> Iterator[TokenBatch]:
    """Queries, then documents of a collection's folder, laid out as the model encodes them.

    Args:
        how: how the model encodes.
        vocabulary: V.

    Raises:
        UserError: a file is missing or damaged.
    """
    from rescalade.texts.named_texts import document_texts, query_texts, spread  # pyarrow, which a division needs not

    for queries, texts in ((True, query_texts(collection)), (False, document_texts(collection))):
        yield from in_batches(tokenizer, how.layout(queries=queries), spread(texts, TEXTS // 2), vocabulary)


def own_texts(path: Path) -> list[str]:
    """Texts of a user's file, at most TEXTS of them at equal distances; see `rescalade.texts.own_texts.read_texts`.

    Raises:
        UserError: the file is missing, not in one of the formats, or holds fewer than two texts.
    """
    from rescalade.texts.own_texts import read_texts

    texts = read_texts(path)
    if texts.count < FEWEST:
        raise UserError(f"{path}: an offset is measured on at least {FEWEST} texts, here are {texts.count}; add some")
    every = texts.read(0, texts.count)[1]
    return [every[number] for number in sorted({round(place) for place in np.linspace(0, len(every) - 1, TEXTS)})]


def in_batches(
    tokenizer: PreTrainedTokenizerBase, layout: Layout, texts: Sequence[str], vocabulary: int
) -> Iterator[TokenBatch]:
    """Texts laid out, those of like length together, few enough at a time for their logits."""
    rows = sorted(layout.tokens(tokenizer, texts).rows(), key=len)
    width = layout.length * (1 if layout.copies == "one" else 2)
    size = max(1, LOGITS // (width * vocabulary))
    for first in range(0, len(rows), size):
        yield layout.batch(tokenizer, rows[first : first + size])
