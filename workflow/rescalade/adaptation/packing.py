"""Passages as sequences of equal length: tokens one after another, an end-of-text token after each passage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np
from numpy.typing import NDArray

from rescalade.errors import UserError
from rescalade.texts.collection import document_batches, texts_of
from rescalade.texts.tokens import packed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Numbers = NDArray[np.int64]
UNCUT = 2**30


class Place(TypedDict):
    """Where a stream stands: pass over the corpus, part of it, sequences taken of that part, tokens left before it."""

    epoch: int
    part: int
    taken: int
    rest: list[int]


class PackedPassages:
    """Sequences without end from the corpus of a collection, of which one part is in memory at a time.

    The passages of a part come in an order of the seed, another one in each pass over the corpus. Nothing is padded,
    and what a part leaves over goes before the next one.

    Args:
        folder: the collection.
        length: tokens of a sequence.
        place: of a stream that is to go on; from the beginning where None.

    Raises:
        UserError: the tokenizer has no end-of-text token.
    """

    def __init__(
        self,
        folder: Path,
        tokenizer: PreTrainedTokenizerBase,
        length: int,
        seed: int,
        place: Place | None = None,
    ) -> None:
        if tokenizer.eos_token_id is None:
            raise UserError("adaptation: the tokenizer has no end-of-text token (eos_token) to put after each passage")
        self._folder, self._tokenizer, self._length, self._seed = folder, tokenizer, length, seed
        self._place: Place = place or {"epoch": 0, "part": 0, "taken": 0, "rest": []}
        self._sequences = self._all()

    @property
    def place(self) -> Place:
        """Where the stream stands, as JSON can hold it."""
        return self._place.copy()

    def take(self, count: int) -> Numbers:
        """The next sequences, [count, length].

        Raises:
            UserError: the corpus is damaged or empty.
        """
        return np.stack([next(self._sequences) for _ in range(count)])

    def _all(self) -> Iterator[Numbers]:
        place = self._place
        while True:
            parts = 0
            for parts, batch in enumerate(document_batches(self._folder), start=1):
                if parts <= place["part"]:
                    continue
                random = np.random.default_rng([self._seed, place["epoch"], place["part"]])
                texts = texts_of(batch)
                read = self._tokens([texts[number] for number in random.permutation(len(texts))])
                tokens = np.concatenate([np.array(place["rest"], np.int64), read])
                whole = len(tokens) // self._length
                sequences = tokens[: whole * self._length].reshape(whole, self._length)
                while place["taken"] < whole:
                    place["taken"] += 1
                    yield sequences[place["taken"] - 1]
                place["part"], place["taken"] = place["part"] + 1, 0
                place["rest"] = tokens[whole * self._length :].tolist()
            if not parts:
                raise UserError(f"{self._folder}: its corpus is empty, so there is nothing to adapt to")
            place["epoch"], place["part"] = place["epoch"] + 1, 0

    def _tokens(self, texts: list[str]) -> Numbers:
        """Tokens of some passages, each with its end."""
        found = packed(self._tokenizer, [texts], UNCUT, special_tokens=False)
        return np.insert(found.numbers.astype(np.int64), found.offsets[1:], int(self._tokenizer.eos_token_id))
