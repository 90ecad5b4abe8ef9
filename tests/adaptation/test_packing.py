"""Packed passages against the texts that they are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rescalade.adaptation.packing import PackedPassages
from rescalade.errors import UserError
from rescalade.texts import collection
from rescalade.texts.collection import CORPUS, QRELS, QUERIES, Collection
from support.small_collections import write_collection

END = 9


class Letters:
    """One token a letter; its end-of-text token is 9."""

    eos_token_id: int | None = END

    def __call__(self, texts: list[str], **_: Any) -> Any:
        class Found(dict[str, Any]):
            encodings = None

        return Found(input_ids=[[ord(letter) for letter in text] for text in texts])


def folder(path: Path, texts: list[str], monkeypatch: pytest.MonkeyPatch, part: int = 4) -> Path:
    """A collection that is read `part` passages at a time."""
    rows = [{"id": str(n), "title": "t" if n == 0 else "", "text": text} for n, text in enumerate(texts)]
    asked = [{"id": "q", "text": "q", "group": ""}], [{"query_id": "q", "document_id": "0", "grade": 1}]
    tables = zip((rows, *asked), (CORPUS, QUERIES, QRELS), strict=True)
    write_collection(path, Collection(*(pa.Table.from_pylist(some, schema=schema) for some, schema in tables)))
    read = collection.document_batches
    monkeypatch.setattr("rescalade.adaptation.packing.document_batches", lambda place: read(place, part))
    return path


def stream(path: Path, **settings: Any) -> PackedPassages:
    tokenizer: Any = Letters()
    return PackedPassages(path, tokenizer, **{"length": 5, "seed": 1, **settings})


def passages(tokens: np.ndarray[Any, Any]) -> list[str]:
    """What lies between the ends, the last and perhaps unfinished one left out."""
    return "".join("|" if number == END else chr(number) for number in tokens.ravel()).split("|")[:-1]


def test_every_passage_once_and_whole_in_each_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [letter * size for letter, size in zip("abcdefghij", (1, 7, 3, 12, 2, 4, 1, 9, 5, 3), strict=True)]
    total = sum(map(len, texts)) + len("t ") + len(texts)
    found = passages(stream(folder(tmp_path / "a", texts, monkeypatch)).take(2 * total // 5))
    whole = ["t a", *texts[1:]]
    assert sorted(found[:10]) == sorted(whole)
    assert len(found) > 15 and set(found[10:]) <= set(whole)
    assert set(found[:4]) == set(whole[:4])  # a part at a time
    assert found[:4] != whole[:4] or found[4:8] != whole[4:8]  # and in another order
    assert found[:10] != found[10:20]


def test_a_stream_goes_on_from_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [chr(97 + n % 26) * (1 + n % 6) for n in range(23)]
    path = folder(tmp_path / "a", texts, monkeypatch)
    whole = stream(path).take(60)
    for taken in (0, 1, 7, 19, 20, 41):
        first = stream(path)
        before = first.take(taken) if taken else np.zeros((0, 5), np.int64)
        again = stream(path, place=first.place)
        assert np.array_equal(np.concatenate([before, again.take(60 - taken)]), whole)


def test_what_cannot_be_packed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder(tmp_path / "a", ["a"], monkeypatch)
    monkeypatch.setattr("rescalade.adaptation.packing.document_batches", lambda place: iter(()))
    with pytest.raises(UserError, match="its corpus is empty"):
        stream(path).take(1)
    monkeypatch.setattr(Letters, "eos_token_id", None)
    with pytest.raises(UserError, match="the tokenizer has no end-of-text token"):
        stream(path)
