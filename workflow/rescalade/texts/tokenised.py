"""Chosen texts of a collection as packed token numbers."""

from __future__ import annotations

import itertools
from array import array
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rescalade.texts.named_texts import NamedTexts
from rescalade.texts.tokens import SLICE, Tokens

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def tokenised(
    tokenizer: PreTrainedTokenizerBase, texts: NamedTexts, mask: NDArray[np.bool_], length: int
) -> tuple[Tokens, int]:
    """Token numbers of the texts that a mask [N] names, special ones included, and how many were cut to `length`.

    The texts keep their order. Memory is that of the tokens and of one part of the texts.
    """
    numbers, lengths, cut = array("i"), array("q", [0]), 0
    for _, part in texts.chosen(mask):
        for first in range(0, len(part), SLICE):
            found = tokenizer(
                part[first : first + SLICE],
                truncation=True,
                max_length=length,
                return_attention_mask=False,
                return_token_type_ids=False,
            )
            rows: list[list[int]] = found["input_ids"]
            numbers.extend(itertools.chain.from_iterable(rows))
            lengths.extend(map(len, rows))
            if found.encodings is None:  # a tokenizer in plain Python does not say what it cut
                cut += sum(len(row) == length for row in rows)
            else:
                cut += sum(bool(encoding.overflowing) for encoding in found.encodings)
    offsets = np.cumsum(np.frombuffer(lengths, np.int64))
    return Tokens(np.frombuffer(numbers, np.int32) if numbers else np.zeros(0, np.int32), offsets), cut
