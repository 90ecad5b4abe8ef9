"""What the terms of an index are called: said by whoever builds it, kept beside it, and asked for by rows of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rescalade.atomic import read_json, write_json
from rescalade.errors import UserError

Vocabulary = int | Sequence[str] | Mapping[str, int] | Path
"""The number of terms V; or their words: by number, where an empty one names nothing; as a tokenizer's `get_vocab()`
gives them; or in the folder of a model, whose tokenizer knows them."""
Words = dict[str, int]
"""The number of each word."""
FILE = "vocabulary.json"
"""Beside the files of an index whose terms have words."""


def terms_of(vocabulary: Vocabulary | None) -> tuple[int | None, Words | None]:
    """V, as far as it is said, and the words, if they are.

    Raises:
        UserError: a word is no text or stands twice, a number is none or stands twice, or the folder has no tokenizer.
    """
    if vocabulary is None:
        return None, None
    if isinstance(vocabulary, int | np.integer) and not isinstance(vocabulary, bool):
        if vocabulary < 1:
            raise UserError(f"vocabulary {vocabulary}: at least 1 term is expected")
        return int(vocabulary), None
    if isinstance(vocabulary, str | Path):
        words = _of_folder(Path(vocabulary))
        return max(words.values()) + 1, words
    if isinstance(vocabulary, Mapping):
        words = _of_numbers(vocabulary)
        return max(words.values(), default=-1) + 1, words
    if not isinstance(vocabulary, Sequence):
        raise UserError(
            f"vocabulary: a number of terms, a list of words, a dictionary {{word: number}} or a model's folder is "
            f"expected, found {type(vocabulary).__name__}"
        )
    words = {}
    for number, word in enumerate(vocabulary):
        if not isinstance(word, str):
            raise UserError(f"vocabulary: words are expected, found {word!r} as number {number}")
        if word and words.setdefault(word, number) != number:
            raise UserError(f"vocabulary: {word!r} stands twice, as numbers {words[word]} and {number}")
    return len(vocabulary), words


def write_words(folder: Path, words: Words | None) -> None:
    """Write the words beside an index; nothing where there are none."""
    if words is not None:
        write_json(folder / FILE, words)


def read_words(folder: Path, terms: int) -> Words | None:
    """The words beside an index of so many terms; None where there are none.

    Raises:
        UserError: the file is damaged, or of another index.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        words = _of_numbers(read_json(path))
    except UserError as error:
        raise UserError(f"{path}: {error}; it is damaged, build the index again") from None
    check_fit(words, terms, f"{path}: ")
    return words


def check_fit(words: Words | None, terms: int, place: str = "") -> None:
    """Refuse words of more terms than there are.

    Raises:
        UserError: one has a number beyond them.
    """
    last = max(words, key=words.__getitem__) if words else None
    if words and last is not None and words[last] >= terms:
        raise UserError(
            f"{place}vocabulary: {last!r} is number {words[last]:,}, and the vectors have {terms:,} terms; give the "
            "words of the model that made them"
        )


def _of_numbers(given: Any) -> Words:
    if not isinstance(given, Mapping):
        raise UserError(f"vocabulary: a dictionary {{word: number}} is expected, found {type(given).__name__}")
    seen: dict[int, str] = {}
    for word, number in given.items():
        if not isinstance(word, str) or isinstance(number, bool) or not isinstance(number, int | np.integer):
            raise UserError(f"vocabulary: words and their numbers are expected, found {word!r}: {number!r}")
        if number < 0:
            raise UserError(f"vocabulary: {word!r} has the number {number}; numbers from 0 on are expected")
        if seen.setdefault(int(number), word) != word:
            raise UserError(f"vocabulary: {seen[int(number)]!r} and {word!r} both have the number {number}")
    return {word: number for number, word in seen.items()}


def _of_folder(folder: Path) -> Words:
    """Words of the tokenizer in a model's folder; this imports transformers."""
    if not folder.is_dir():
        raise UserError(f"vocabulary {folder}: a model's folder is expected, found none there")
    from rescalade.models.load import load_tokenizer
    from rescalade.models.model_folder import open_model_folder

    return _of_numbers(load_tokenizer(open_model_folder(folder).language_model).get_vocab())
