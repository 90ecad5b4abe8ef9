"""What a ranker says of itself; its rankings are compared with the protocol of data sets elsewhere."""

from __future__ import annotations

import time

import pytest

from rescalade.retrieval import ranker
from rescalade.retrieval.index import build_index
from rescalade.retrieval.search import search
from support.vectors import vectors

SECONDS = 0.3
"""CPU time that a compiler takes, far above that of a search of two documents."""


def test_the_compiling_of_kernels_is_not_counted_as_searching(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = vectors([{0: 1.0}, {1: 2.0}])
    compiled = False

    def compiles_once(*arguments: object, **options: object) -> object:
        nonlocal compiled
        begun = time.process_time()
        while not compiled and time.process_time() - begun < SECONDS:
            pass
        compiled = True
        return search(*arguments, **options)  # type: ignore[arg-type]

    index = build_index([texts], 2)
    search(index, texts, 1)  # which compiles in truth, where nobody has yet
    monkeypatch.setattr(ranker, "search", compiles_once)
    made = ranker.Ranker(index, 1)
    assert [name for name, _ in made.rankings(texts)] == texts.ids and compiled
    assert 0 < made.seconds < SECONDS / 2
