"""Texts as token numbers, made once per tokenizer and kept beside the results.

All models that share a tokenizer, every scale and seed of a backbone among them, then read 4 bytes a token
in place of tokenising again.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rescalade.atomic import atomic_file, sha256
from rescalade.texts.token_batch import tokenise

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)
FILES = ("tokenizer*", "vocab*", "merges*", "special_tokens_map.json", "added_tokens.json", "*.model")

SLICE = 512


@dataclass(frozen=True)
class Tokens:
    """Texts one after another: numbers [T] int32, offsets [N + 1] int64."""

    numbers: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[N] tokens of each text, special ones included."""
        return np.diff(self.offsets)


def tokenizer_digest(folder: Path) -> str:
    """Digest of the files of a model folder that decide its tokenizer."""
    names = sorted({path.name for pattern in FILES for path in folder.glob(pattern) if path.is_file()})
    text = "\n".join(f"{name} {sha256(folder / name)}" for name in names)
    return hashlib.sha256(text.encode()).hexdigest()


def tokens_of(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], length: int) -> Tokens:
    """Tokenise and cut to `length`, some texts at a time: tokenizers take hundreds of bytes a token meanwhile."""
    lengths: list[int] = []
    parts: list[NDArray[np.int32]] = [np.zeros(0, np.int32)]
    for first in range(0, len(texts), SLICE):
        rows = tokenise(tokenizer, texts[first : first + SLICE], length)
        lengths += map(len, rows)
        parts.append(np.fromiter(itertools.chain.from_iterable(rows), np.int32))
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return Tokens(np.concatenate(parts), offsets)


def cached_tokens(path: Path | None, make: Callable[[], Tokens]) -> Tokens:
    """Tokens from a file, or made and written there.

    Two jobs that make the same file write equal bytes, the later over the earlier; a damaged file (numpy's
    archives carry a checksum) is made again. Without a path nothing is kept.
    """
    if path is None:
        return make()
    try:
        with np.load(path, allow_pickle=False) as stored:
            return Tokens(stored["numbers"], stored["offsets"])
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        logger.warning("%s is damaged (%s); it is made again", path, error)
    made = make()
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, numbers=made.numbers, offsets=made.offsets)
    return made
