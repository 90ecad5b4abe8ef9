"""Texts as token numbers, made once per tokenizer and kept beside the results.

All models that share a tokenizer, every scale and seed of a backbone among them, then read 4 bytes a token
in place of tokenising again.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import zipfile
from array import array
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rescalade.atomic import atomic_file, sha256
from rescalade.texts.tokenizer_state import unchanged
from rescalade.turns import turn

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)
FILES = ("tokenizer*", "vocab*", "merges*", "special_tokens_map.json", "added_tokens.json", "*.model")

SLICE = 512


@dataclass(frozen=True)
class Tokens:
    """Texts one after another: numbers [T] int32, offsets [N + 1] int64. cut: how many were longer than their limit."""

    numbers: NDArray[np.int32]
    offsets: NDArray[np.int64]
    cut: int = 0

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[N] tokens of each text, special ones included."""
        return np.diff(self.offsets)

    def rows(self, chosen: Iterable[int] | None = None) -> list[NDArray[np.int32]]:
        """Token numbers of some texts, or of all."""
        numbers = range(len(self)) if chosen is None else chosen
        return [self.numbers[self.offsets[number] : self.offsets[number + 1]] for number in numbers]


def tokenizer_digest(*folders: Path) -> str:
    """Digest of the files of a model folder, or of its parts, that decide its tokenizers."""
    if len(folders) > 1:
        return hashlib.sha256(" ".join(map(tokenizer_digest, folders)).encode()).hexdigest()
    (folder,) = folders
    names = sorted({path.name for pattern in FILES for path in folder.glob(pattern) if path.is_file()})
    text = "\n".join(f"{name} {sha256(folder / name)}" for name in names)
    return hashlib.sha256(text.encode()).hexdigest()


def packed(
    tokenizer: PreTrainedTokenizerBase, parts: Iterable[Sequence[str]], length: int, *, special_tokens: bool = True
) -> Tokens:
    """Token numbers of texts that come in parts, cut to `length`.

    Memory is that of the tokens and of one part: tokenizers take hundreds of bytes a token, so they get few texts at a
    time.

    Args:
        special_tokens: whether the tokenizer adds those of its template.
    """
    numbers, lengths, cut = array("i"), array("q", [0]), 0
    for part in parts:
        for first in range(0, len(part), SLICE):
            with unchanged(tokenizer):
                found = tokenizer(
                    list(part[first : first + SLICE]),
                    truncation=True,
                    max_length=length,
                    add_special_tokens=special_tokens,
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
    return Tokens(np.frombuffer(numbers, np.int32) if numbers else np.zeros(0, np.int32), offsets, cut)


def cached_tokens(path: Path | None, make: Callable[[], Tokens]) -> Tokens:
    """Tokens from a file, or made and written there; of jobs that ask for them together one makes them.

    A damaged file (numpy's archives carry a checksum) is made again. Without a path nothing is kept.
    """
    if path is None:
        return make()
    with nullcontext() if path.is_file() else turn(path):
        try:
            with np.load(path, allow_pickle=False) as stored:
                cut = int(stored["cut"]) if "cut" in stored else 0  # what encoding keeps was once written without it
                return Tokens(stored["numbers"], stored["offsets"], cut)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            logger.warning("%s is damaged (%s); it is made again", path, error)
        made = make()
        with atomic_file(path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, numbers=made.numbers, offsets=made.offsets, cut=made.cut)
        return made
