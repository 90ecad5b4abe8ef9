"""Types of stored weights, by hand-worked values and against a brute force; the reader of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rescalade.errors import UserError
from rescalade.export.storage_effect import storage_effect
from rescalade.vectors import reader
from rescalade.vectors.storage import store
from rescalade.vectors.vectors import SparseVectors, read_vectors, write_vectors


def vectors(*rows: dict[int, float]) -> SparseVectors:
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    terms = np.array([term for row in rows for term in row], np.int32)
    weights = np.array([weight for row in rows for weight in row.values()], np.float32)
    return SparseVectors([f"d{number}" for number in range(len(rows))], offsets, terms, weights)


def rows(found: SparseVectors) -> list[dict[int, float]]:
    cuts = [slice(*found.offsets[number : number + 2]) for number in range(len(found))]
    return [dict(zip(found.terms[c].tolist(), found.weights[c].tolist(), strict=True)) for c in cuts]


def test_integers_by_hand(tmp_path: Path) -> None:
    """0.004 becomes 0 and goes; 1.234 becomes 123."""
    stored = write_vectors(tmp_path / "v.parquet", vectors({1: 0.004, 5: 1.234}, {}, {2: 3.8}), "int100")
    assert stored.codes.tolist() == [123, 380]
    found = rows(read_vectors(tmp_path / "v.parquet"))
    assert found == [{5: pytest.approx(1.23)}, {}, {2: pytest.approx(3.8)}]
    assert pq.read_table(tmp_path / "v.parquet")["weights"].to_pylist() == [[123], [], [380]]


def test_relative_bytes_by_hand(tmp_path: Path) -> None:
    """The step is the text's largest weight over 255: 2.55 -> 0.01, 0.0255 -> 0.0001."""
    write_vectors(tmp_path / "v.parquet", vectors({1: 0.004, 5: 1.2, 7: 2.55}, {}, {2: 0.0255, 3: 0.01}), "relative8")
    table = pq.read_table(tmp_path / "v.parquet")
    assert table["weights"].to_pylist() == [[120, 255], [], [255, 100]]
    assert table["scale"].to_pylist() == [pytest.approx(0.01), pytest.approx(1 / 255), pytest.approx(0.0001)]
    assert rows(read_vectors(tmp_path / "v.parquet"))[2] == {2: pytest.approx(0.0255), 3: pytest.approx(0.01)}


@pytest.mark.parametrize(("weight", "kind"), [(0.5, "float16"), (0.1, "float32"), (70000.0, "float32")])
def test_half_precision_only_where_nothing_is_lost(weight: float, kind: str, tmp_path: Path) -> None:
    before = vectors({1: 1.25, 2: weight}, {3: 2.0})
    assert write_vectors(tmp_path / "v.parquet", before, "auto").kind == kind
    assert rows(read_vectors(tmp_path / "v.parquet")) == rows(before)
    assert reader.read_facts(tmp_path / "v.parquet")["weights"] == kind


@settings(max_examples=60, deadline=None)
@given(
    data=st.lists(st.dictionaries(st.integers(0, 99), st.floats(2.0**-100, 80, width=32), max_size=8), max_size=6),
    kind=st.sampled_from(["int100", "relative8"]),
)
def test_no_weight_moves_further_than_half_a_step(data: list[dict[int, float]], kind: str) -> None:
    before = vectors(*(dict(sorted(row.items())) for row in data))
    stored = store(before, kind)
    scales = np.full(len(before), 0.01) if stored.scales is None else stored.scales.astype(np.float64)
    after = [{} for _ in data]  # type: list[dict[int, float]]
    for row, scale, found in zip(after, scales, rows(stored.vectors), strict=True):
        row.update(dict.fromkeys(found, scale))
    place = 0
    for old, steps in zip(rows(before), after, strict=True):
        for term, weight in old.items():
            step = steps.get(term)
            value = float(stored.codes[place]) * step if step is not None else 0.0
            place += step is not None
            largest = 0.01 if kind == "int100" else max(old.values()) / 255
            assert abs(value - weight) <= 0.5001 * max(largest, 1.2e-38)


def test_a_weight_beyond_the_integers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="too large for int100"):
        write_vectors(tmp_path / "v.parquet", vectors({1: 700.0}), "int100")
    with pytest.raises(UserError, match="expected one of float32, auto"):
        store(vectors({1: 1.0}), "int8")


def test_the_reader_stands_alone(tmp_path: Path) -> None:
    """A copy of the one file, in a Python that cannot see the package, reads what the package wrote."""
    write_vectors(tmp_path / "shard-00000.parquet", vectors({1: 0.5, 4: 2.0}, {}), "relative8")
    (tmp_path / "manifest.json").write_text(json.dumps({"shards": ["shard-00000.parquet"]}))
    (tmp_path / "reader.py").write_text(Path(reader.__file__).read_text())
    code = (
        "import sys; from pathlib import Path; import reader; "
        "s = next(reader.read_folder(Path('.'))); print(s.ids, s.terms.tolist(), s.weights.round(2).tolist()); "
        "assert not {'torch', 'rescalade', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={}, capture_output=True, text=True, check=False
    )
    assert done.stdout == "['d0', 'd1'] [1, 4] [0.5, 2.0]\n", done.stderr


def test_a_torn_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "v.parquet"
    with pytest.raises(UserError, match=r"v\.parquet is missing"):
        read_vectors(path)
    write_vectors(path, vectors({1: 0.5}))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(UserError, match=r"v\.parquet is damaged"):
        read_vectors(path)


def brute_force(queries: NDArray[np.float64], documents: NDArray[np.float64]) -> list[list[int]]:
    scores = queries @ documents.T
    return [sorted(np.flatnonzero(row > 0).tolist(), key=lambda n: (-row[n], n))[:10] for row in scores]


def test_effect_of_integers_against_a_brute_force() -> None:
    random = np.random.default_rng(0)
    dense = random.random((60, 30)) * (random.random((60, 30)) < 0.3) * 0.05
    asked = random.random((5, 30)) * (random.random((5, 30)) < 0.3)
    documents = vectors(*({int(t): float(row[t]) for t in np.flatnonzero(row)} for row in dense))
    queries = vectors(*({int(t): float(row[t]) for t in np.flatnonzero(row)} for row in asked))
    halves = [
        SparseVectors(
            documents.ids[part],
            documents.offsets[part.start : part.stop + 1] - documents.offsets[part.start],
            documents.terms[documents.offsets[part.start] : documents.offsets[part.stop]],
            documents.weights[documents.offsets[part.start] : documents.offsets[part.stop]],
        )
        for part in (slice(0, 25), slice(25, 60))
    ]
    effect = storage_effect(queries, halves, 30, {})
    exact = brute_force(asked, dense.astype(np.float32).astype(np.float64))
    rounded = brute_force(asked, np.rint(dense * 100) / 100)
    expected = np.mean([len(set(a) & set(b)) / len(a) for a, b in zip(exact, rounded, strict=True)])
    assert effect["float32"]["overlap@10"] == 1
    assert effect["int100"]["overlap@10"] == pytest.approx(expected)
    assert 0 < expected < 1 and effect["int100"]["left_out"] > 0
    assert effect["relative8"]["bytes_per_posting"] > 0
