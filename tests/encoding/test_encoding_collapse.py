"""Collapsed models are encoded and recorded: dense vectors within their bound, weights that are no numbers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rescalade.encoding.collect import Collector, Tally, heaviest
from rescalade.encoding.encoding_manifest import state
from rescalade.encoding.sparsify import SparseRows, sparsify
from rescalade.models.sparse_encoder_files import save_sparse_encoder
from rescalade.rescaling.divide import apply
from rescalade.variants import Variant
from rescalade.vectors.vectors import CorpusShards, SparseVectors, concatenate, read_vectors
from support.encoding import encode, save_data, save_model, small_tokenizer, splade_config
from support.models import VOCABULARY, tiny
from support.texts import TEXTS


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_data(tmp_path_factory.mktemp("data") / "data")


def dense(vectors: SparseVectors, width: int = VOCABULARY) -> NDArray[np.float32]:
    block = np.zeros((len(vectors), width), np.float32)
    block[np.repeat(np.arange(len(vectors)), np.diff(vectors.offsets)), vectors.terms] = vectors.weights
    return block


def corpus(folder: Path) -> NDArray[np.float32]:
    return dense(concatenate(list(CorpusShards(folder))))


def kept_by_sorting(row: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The heaviest `count` entries by a full sort; of equal ones the lower terms."""
    order = sorted(range(len(row)), key=lambda term: (-row[term], term))[:count]
    result = np.zeros_like(row)
    result[order] = row[order]
    return result


def test_a_saturated_model_stays_within_its_bound(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With a large bias all 60 terms are active: 10 documents of 480 bytes. A bound of 1600 leaves 20 terms each."""
    model = save_model(tmp_path / "model", bias=50.0)
    free = encode(model, data, tmp_path / "free")
    assert free.state == "saturated" and free.bounded_shards == 0
    assert free.active_terms == VOCABULARY and free.left_out.by_cap.weight == 0
    with caplog.at_level(logging.WARNING):
        bound = encode(model, data, tmp_path / "bound", shard_bytes=1600)
    assert bound.state == "saturated" and bound.active_terms == VOCABULARY
    # 10, 10 and 5 documents, 20, 20 and 40 terms of each; the queries, 5 of 60, are over it as well
    assert bound.bounded_shards == 4 and bound.postings == 10 * 20 + 10 * 20 + 5 * 40
    whole, cut = corpus(tmp_path / "free"), corpus(tmp_path / "bound")
    for number, (before, after) in enumerate(zip(whole, cut, strict=True)):
        np.testing.assert_array_equal(after, kept_by_sorting(before, 20 if number < 20 else 40))
    lost = 1 - cut.sum(dtype=np.float64) / whole.sum(dtype=np.float64)
    assert bound.left_out.by_cap.weight == pytest.approx(lost, abs=1e-9)
    assert bound.left_out.by_cap.postings == pytest.approx(1 - 600 / 1500)
    assert "saturated: 60 of 60 terms" in caplog.text and "retrieval.shard_bytes" in caplog.text


def test_a_cap_on_terms_and_what_it_removes(data: Path, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model")
    free = encode(model, data, tmp_path / "free")
    capped = encode(model, data, tmp_path / "capped", top_terms=3)
    whole, cut = corpus(tmp_path / "free"), corpus(tmp_path / "capped")
    np.testing.assert_array_equal(cut, np.array([kept_by_sorting(row, 3) for row in whole]))
    assert (free.left_out.by_cap.postings, free.left_out.by_cap.weight) == (0.0, 0.0)
    lost = 1 - cut.sum(dtype=np.float64) / whole.sum(dtype=np.float64)
    assert capped.left_out.by_cap.weight == pytest.approx(lost, abs=1e-9)
    assert capped.active_terms == free.active_terms  # of the model, not of what was kept
    queries = [dense(read_vectors(tmp_path / name / "queries.parquet")) for name in ("free", "capped")]
    np.testing.assert_array_equal(queries[0], queries[1])


def test_integers_are_counted_as_left_out(data: Path, tmp_path: Path) -> None:
    model = save_model(tmp_path / "model")
    free = encode(model, data, tmp_path / "free")
    coarse = encode(model, data, tmp_path / "coarse", weights="int100")
    whole = corpus(tmp_path / "free")
    kept = np.rint(whole * 100) > 0
    assert (free.weights, coarse.weights) == ("float32", "int100")
    assert coarse.postings == kept.sum()
    assert coarse.left_out.by_storage.postings == pytest.approx(1 - kept.sum() / (whole > 0).sum())
    np.testing.assert_allclose(corpus(tmp_path / "coarse"), np.rint(whole * 100) / 100, rtol=1e-6)


def test_weights_that_are_no_numbers_are_recorded(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One token's embedding is NaN: the texts with it get the empty vector, the others what they had."""
    tokenizer = small_tokenizer()
    rows = tokenizer(TEXTS[:25], truncation=True, max_length=16)["input_ids"]
    token = next(n for n in range(5, VOCABULARY) if 0 < sum(n in row for row in rows) < 20)
    model = tiny("bert")
    apply(model, Variant(2, "untied", True))  # so that the projection stays whole
    embeddings = model.get_input_embeddings().weight
    save_sparse_encoder(model, tokenizer, splade_config(), tmp_path / "sound")
    embeddings.data[token] = float("nan")
    save_sparse_encoder(model, tokenizer, splade_config(), tmp_path / "broken")
    encode(tmp_path / "sound", data, tmp_path / "a")
    with caplog.at_level(logging.WARNING):
        manifest = encode(tmp_path / "broken", data, tmp_path / "b")
    hit = np.array([token in row for row in rows])
    found, sound = corpus(tmp_path / "b"), corpus(tmp_path / "a")
    assert not found[hit].any()
    np.testing.assert_array_equal(found[~hit], sound[~hit])
    assert manifest.state == "non-finite" and manifest.non_finite_texts >= hit.sum()
    assert "not finite" in caplog.text


def test_a_dead_model_is_recorded(data: Path, tmp_path: Path) -> None:
    manifest = encode(save_model(tmp_path / "model", bias=-50.0), data, tmp_path / "v")
    assert manifest.state == "dead" and manifest.postings == 0
    assert [len(shard) for shard in CorpusShards(tmp_path / "v")] == [10, 10, 5]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "ok"),
        ({"postings": 9}, "dead"),
        ({"empty": 6}, "dead"),
        ({"empty": 5}, "ok"),
        ({"postings": 5_001}, "saturated"),
        ({"postings": 2_001, "tokens": 100}, "saturated"),  # 20 terms for each of 10 tokens
        ({"postings": 2_000, "tokens": 100}, "ok"),
        ({"bounded": 1}, "saturated"),
        ({"broken": 1, "empty": 9}, "non-finite"),
    ],
)
def test_documents_and_queries_are_judged_alike(changes: dict[str, int], expected: str) -> None:
    """10 texts of 200 tokens over 1,000 terms."""
    healthy = {"texts": 10, "postings": 200, "tokens": 2_000}
    sound, spoilt = Tally(**healthy), Tally(**{**healthy, **changes})
    assert state(spoilt, sound, 1_000) == state(sound, spoilt, 1_000) == state(Tally(), spoilt, 1_000) == expected


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from([0.25, 0.5, 1.0, 2.0]), max_size=12), st.integers(0, 13))
def test_the_heaviest_are_those_of_a_full_sort(weights: list[float], count: int) -> None:
    row = np.array(weights, np.float32)
    assert np.array_equal(np.where(heaviest(row, count), row, 0), kept_by_sorting(row, count))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_bound_does_not_depend_on_the_order_of_the_texts(data: st.DataObject) -> None:
    weight = st.sampled_from([0.0, 0.5, 1.0, 1.5])
    block = np.array(data.draw(st.lists(st.lists(weight, min_size=9, max_size=9), min_size=1, max_size=6)), np.float32)
    order = data.draw(st.permutations(range(len(block))))
    limit = data.draw(st.integers(len(block) * 8, 400))
    top = data.draw(st.none() | st.integers(1, 5))
    results = []
    for numbers in (list(range(len(block))), order):
        found = Collector(len(block), top_terms=top, limit=limit)
        for number in numbers:
            found.add([number], sparsify(torch.from_numpy(block[number : number + 1])))
        vectors, tally = found.finish([str(n) for n in range(len(block))])
        assert 8 * vectors.postings <= limit
        results.append((dense(vectors, 9), tally.kept_postings, tally.bounded))
    assert np.array_equal(results[0][0], results[1][0]) and results[0][1:] == results[1][1:]


def _portable(block: torch.Tensor) -> SparseRows:
    """The path of other devices, on the CPU: a device whose type has another name."""

    class Elsewhere:
        def __init__(self, tensor: torch.Tensor) -> None:
            self._tensor = tensor
            self.device = torch.device("meta")

        def __getattr__(self, name: str) -> Any:
            return getattr(self._tensor, name)

        def __gt__(self, other: float) -> torch.Tensor:
            return self._tensor > other

        def __getitem__(self, key: Any) -> torch.Tensor:
            return self._tensor[key]

        def __len__(self) -> int:
            return len(self._tensor)

        @classmethod
        def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            plain = [item._tensor if isinstance(item, Elsewhere) else item for item in args]
            return function(*plain, **(kwargs or {}))

    return sparsify(Elsewhere(block))  # type: ignore[arg-type]


def test_both_ways_to_sparsify_agree_with_numpy() -> None:
    block = torch.randn(7, 31, generator=torch.Generator().manual_seed(0)).relu()
    block[2] = 0
    block[3, 4], block[5, 0] = float("nan"), float("inf")
    for rows in (sparsify(block), _portable(block)):
        assert rows.broken.tolist() == [False, False, False, True, False, True, False]
        clean = block.numpy().copy()
        clean[[3, 5]] = 0
        places, terms = np.nonzero(clean)
        assert rows.counts.tolist() == np.bincount(places, minlength=7).tolist()
        assert np.array_equal(rows.terms, terms) and np.array_equal(rows.weights, clean[places, terms])
        assert rows.terms.dtype == np.int32 and rows.weights.dtype == np.float32
