"""Vectors on disk and run files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from rescalade.errors import UserError
from rescalade.scoring.runfile import iterate_run, write_run
from rescalade.vectors.vectors import SparseVectors, concatenate, read_vectors, write_vectors
from support.vectors import sparse

VOCABULARY = 12


def test_vectors_survive_the_disk(tmp_path: Path) -> None:
    documents = np.random.default_rng(1).random((9, VOCABULARY)).astype(np.float32)
    documents[documents < 0.5] = 0
    documents[4] = 0
    before = sparse(documents)
    write_vectors(tmp_path / "v.parquet", before)
    after = read_vectors(tmp_path / "v.parquet")
    assert after.ids == before.ids
    for name in ("offsets", "terms", "weights"):
        assert np.array_equal(getattr(after, name), getattr(before, name))
    joined = concatenate([after, after])
    assert joined.postings == 2 * before.postings and joined.offsets[-1] == joined.postings


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1.0, 0.0])
def test_a_weight_that_is_none_names_its_text(weight: float, tmp_path: Path) -> None:
    vectors = SparseVectors(
        ["good", "bad"], np.array([0, 1, 2]), np.array([1, 2], np.int32), np.array([1, weight], np.float32)
    )
    with pytest.raises(UserError, match="'bad'"):
        write_vectors(tmp_path / "v.parquet", vectors)


def test_run_files_are_stable_and_readable(tmp_path: Path) -> None:
    rankings = [("q1", [("d2", 1.5), ("d1", 0.1 + 0.2)]), ("q2", [])]
    first, second = tmp_path / "a.trec.gz", tmp_path / "b.trec.gz"
    write_run(first, rankings, "tag")
    write_run(second, rankings, "tag")
    assert first.read_bytes() == second.read_bytes()
    assert gzip.decompress(first.read_bytes()).decode().splitlines()[0] == "q1 Q0 d2 1 1.5 tag"
    assert dict(iterate_run(first)) == {"q1": [("d2", 1.5), ("d1", 0.1 + 0.2)]}


def test_a_run_cannot_hold_white_space_in_ids_and_a_torn_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="white space"):
        write_run(tmp_path / "x.trec.gz", [("q", [("a b", 1.0)])], "tag")
    assert not list(tmp_path.iterdir())  # nothing half-written stays
    path = tmp_path / "y.trec.gz"
    write_run(path, [("q", [(f"d{i}", 1.0 / (i + 1)) for i in range(200)])], "tag")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=r"y\.trec\.gz"):
        list(iterate_run(path))
