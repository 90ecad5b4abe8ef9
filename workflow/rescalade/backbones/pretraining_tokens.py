"""The vocabulary of a pretraining text and the text in its tokens, made once for all backbones that share both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rescalade.atomic import atomic_file
from rescalade.backbones import vocabulary
from rescalade.backbones.vocabulary import learn_pieces, train_wordpiece, wordpiece
from rescalade.texts.tokens import SLICE, Tokens, cached_tokens
from rescalade.turns import turn

if TYPE_CHECKING:
    from tokenizers import Tokenizer

KEPT = 2**26
"""Characters of a text whose tokens are kept, at most: 256 MB if each were a token."""


def pretraining_tokens(
    texts: Sequence[str], size: int, kept: Path | None = None, *, lowercase: bool = True
) -> tuple[Tokenizer, Tokens]:
    """Tokenizer of a vocabulary of at most `size` pieces, and the texts in it, each from its [CLS] to its [SEP].

    Args:
        kept: folder in which backbones leave both to one another; two that start together make them once.
    """
    if kept is None:
        tokenizer = train_wordpiece(texts, size, lowercase=lowercase)
        return tokenizer, tokens_of(tokenizer, texts)
    key = _key(texts, size, lowercase)
    tokenizer = wordpiece(_kept_pieces(kept / f"{key}.json", texts, size, lowercase), lowercase=lowercase)
    few = sum(map(len, texts)) + 2 * len(texts) <= KEPT
    return tokenizer, cached_tokens(kept / f"{key}.npz" if few else None, lambda: tokens_of(tokenizer, texts))


def tokens_of(tokenizer: Tokenizer, texts: Sequence[str]) -> Tokens:
    """Token numbers of whole texts; few at a time, since the library takes hundreds of bytes a token."""
    rows = [
        np.asarray(encoding.ids, np.int32)
        for first in range(0, len(texts), SLICE)
        for encoding in tokenizer.encode_batch_fast(list(texts[first : first + SLICE]))  # without places in the text
    ]
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    return Tokens(np.concatenate([np.zeros(0, np.int32), *rows]), offsets)


def _key(texts: Sequence[str], size: int, lowercase: bool) -> str:
    """Digest of what decides the pieces: the texts, their number and case, our code and the library's version."""
    digest = hashlib.sha256(f"{size} {lowercase} {version('tokenizers')} {len(texts)}".encode())
    digest.update(Path(vocabulary.__file__).read_bytes())
    for text in texts:
        encoded = text.encode(errors="surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.hexdigest()[:20]


def _kept_pieces(path: Path, texts: Sequence[str], size: int, lowercase: bool) -> list[str]:
    """Pieces from a file, or learnt and written there; a damaged file is made again."""
    with turn(path):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(found, list):
                return [str(piece) for piece in found]
        except (OSError, ValueError):
            pass
        pieces = learn_pieces(texts, size, lowercase=lowercase)
        with atomic_file(path) as temporary:
            temporary.write_text(json.dumps(pieces), encoding="utf-8")
        return pieces
