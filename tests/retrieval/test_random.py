"""Random vectors: what was said of them, exact search in them, and what chance gives."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rescalade.retrieval.random_stage import RandomVectors, run_random
from rescalade.retrieval.settings import RandomSettings
from rescalade.scoring.runfile import iterate_run
from rescalade.stage import Call
from rescalade.vectors.vectors import SparseVectors
from support.small_collections import collection, save


def dense(vectors: SparseVectors, vocabulary: int) -> np.ndarray:
    found = np.zeros((len(vectors), vocabulary))
    rows = np.repeat(np.arange(len(vectors)), np.diff(vectors.offsets))
    found[rows, vectors.terms] = vectors.weights
    return found


def ranked(folder: Path, documents: int, queries: int, **settings: Any) -> dict[str, list[tuple[str, float]]]:
    texts = {f"d{n}": f"text {n}" for n in range(documents)}
    save(folder / "data", collection(texts, {f"q{n}": "words" for n in range(queries)}, {("q0", "d0"): 1}))
    inputs = {name: folder / "data" / f"{name}.parquet" for name in ("corpus", "queries")}
    outputs = {"retrieved": folder / "found.trec.gz", "record": folder / "record.json"}
    run_random(RandomSettings(**settings), inputs, outputs, Call("random"))
    return dict(iterate_run(outputs["retrieved"]))


def test_a_vector_has_a_term_in_every_part_and_nobody_sees_the_cuts() -> None:
    settings = RandomSettings(depth=10)
    ids = [f"d{n}" for n in range(500)]
    whole = RandomVectors(settings, 1).of(ids)
    assert (whole.terms.reshape(500, 64) // 16 == np.arange(64)).all()
    assert np.bincount(whole.terms % 16, minlength=16) == pytest.approx(2000, abs=200)
    assert whole.weights.min() > 0 and whole.weights.max() <= 1 and abs(whole.weights.mean() - 0.5) < 0.01
    one_by_one = RandomVectors(settings, 1)
    parts = [one_by_one.of(ids[:3]), one_by_one.of(ids[3:450]), one_by_one.of(ids[450:])]
    assert np.array_equal(np.concatenate([part.terms for part in parts]), whole.terms)
    assert np.array_equal(np.concatenate([part.weights for part in parts]), whole.weights)
    shared = (dense(RandomVectors(settings, 0).of(ids), 1024) > 0).astype(int) @ (dense(whole, 1024) > 0).T
    assert shared.mean() == pytest.approx(4, abs=0.02) and (shared > 0).mean() == pytest.approx(0.98, abs=0.005)
    other = RandomVectors(RandomSettings(depth=10, seed=1), 1).of(ids)
    assert not np.array_equal(other.terms, whole.terms)


def test_rankings_are_those_of_all_products(tmp_path: Path) -> None:
    found = ranked(tmp_path, 300, 20, depth=30)
    settings = RandomSettings(depth=30)
    queries, documents = (RandomVectors(settings, side).of([str(n) for n in range(300)]) for side in (0, 1))
    scores = dense(queries, 1024)[:20] @ dense(documents, 1024).T
    for number in range(20):
        best = np.argsort(-scores[number])[:30]
        assert [name for name, _ in found[f"q{number}"]] == [f"d{n}" for n in best]
        assert [score for _, score in found[f"q{number}"]] == pytest.approx(scores[number][best], rel=1e-5)


def test_the_reciprocal_rank_is_that_of_chance(tmp_path: Path) -> None:
    """Of document d0 for 1,000 queries: mean 1/rank over ranks 1 to 10 of 200 documents is H(10) / 200."""
    found = ranked(tmp_path, 200, 1000, depth=10)
    gains = [1 / (1 + [name for name, _ in hits].index("d0")) for hits in found.values() if "d0" in dict(hits)]
    expected = sum(1 / rank for rank in range(1, 11)) / 200
    deviation = math.sqrt(sum(1 / rank**2 for rank in range(1, 11)) / 200 / 1000)
    assert abs(sum(gains) / 1000 - expected) < 4 * deviation
