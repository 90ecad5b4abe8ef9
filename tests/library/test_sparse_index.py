"""The index for other programs: every form of vectors gives one answer, that of a product in float64, sorted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch

from rescalade import SparseIndex
from rescalade.errors import UserError
from rescalade.retrieval.storage import write_index
from support.encoding import small_tokenizer
from support.index_corpus import VOCABULARY, corpus
from support.models import tiny
from support.vectors import shards, write_folder

RANDOM = np.random.default_rng(5)
DENSE = np.where(RANDOM.random((40, 30)) < 0.2, RANDOM.integers(1, 5, (40, 30)), 0).astype(np.float32)
"""Small whole numbers, so that many scores tie."""
DENSE[7] = 0.0
QUERIES = DENSE[[3, 11, 7]] * np.float32(0.5)

FORMS: dict[str, Callable[[Any], Any]] = {
    "csr": scipy.sparse.csr_matrix,
    "coo array": scipy.sparse.coo_array,
    "csc in float64": lambda dense: scipy.sparse.csc_matrix(dense.astype(np.float64)),
    "numpy": lambda dense: dense,
    "tensor": torch.from_numpy,
    "sparse tensor": lambda dense: torch.from_numpy(dense).to_sparse(),
    "sparse bfloat16": lambda dense: torch.from_numpy(dense).bfloat16().to_sparse(),
    "csr tensor": lambda dense: torch.from_numpy(dense).to_sparse_csr(),
    "stacked": lambda dense: torch.stack([torch.from_numpy(row).to_sparse() for row in dense]),
    "list of tensors": lambda dense: [torch.from_numpy(row).to_sparse() for row in dense],
    "dictionaries": lambda dense: [
        {int(term): float(row[term]) for term in np.flatnonzero(row)[::-1]} for row in dense
    ],
}


def expected(queries: Any, k: int) -> list[list[tuple[str, float]]]:
    """By a dense product in float64: score descending, then document number, none with a score of 0."""
    scores = queries.astype(np.float64) @ DENSE.astype(np.float64).T
    return [
        [(str(number), float(row[number])) for number in np.lexsort((np.arange(len(row)), -row)) if row[number] > 0][:k]
        for row in scores
    ]


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_vectors_is_searched_exactly(form: str) -> None:
    index = SparseIndex.build(FORMS[form](DENSE), vocabulary=30)
    found = index.search(FORMS[form](QUERIES), 9)
    assert [list(hits) for hits in found] == expected(QUERIES, 9)
    assert len(found[2]) == 0 and found[0].ids == [name for name, _ in expected(QUERIES, 9)[0]]


def test_given_matrices_stay_as_they_are() -> None:
    twice = scipy.sparse.csr_matrix(
        (np.array([1.0, 2.0, 3.0], np.float32), np.array([4, 1, 4]), np.array([0, 3])), shape=(1, 6)
    )
    (hits,) = SparseIndex.build(twice, ["d"]).search({4: 1.0, 1: 10.0})
    assert list(hits) == [("d", 24.0)]  # 1 + 3 of term 4, 10 times 2 of term 1
    assert twice.indices.tolist() == [4, 1, 4]


def test_saved_loaded_and_written_at_once_are_the_same_bytes(tmp_path: Path) -> None:
    rows = corpus()
    SparseIndex.build(rows, vocabulary=VOCABULARY).save(tmp_path / "saved")
    index = SparseIndex.build(iter(shards(rows, 4)), vocabulary=VOCABULARY, folder=tmp_path / "parts")
    (tmp_path / "written").mkdir()
    write_index(tmp_path / "written", [rows], VOCABULARY)
    for path in (tmp_path / "written").iterdir():
        assert (tmp_path / "saved" / path.name).read_bytes() == path.read_bytes(), path.name
        assert (tmp_path / "parts" / path.name).read_bytes() == path.read_bytes(), path.name
    mapped, read = (SparseIndex.load(tmp_path / "saved", mapped=mapped, check=True) for mapped in (True, False))
    assert list(index.ids) == list(mapped.ids) == read.ids == rows.ids
    first, *others = (each.search({3: 1.0, 8: 2.0}, 50, threads=2)[0] for each in (index, mapped, read))
    assert len(first) > 10 and all(list(hits) == list(first) for hits in others)
    mapped.save(tmp_path / "saved")  # over itself
    assert list(SparseIndex.load(tmp_path / "saved", check=True).search({3: 1.0, 8: 2.0}, 50)[0]) == list(first)


def test_parts_bring_their_names_or_are_numbered_through() -> None:
    parts = scipy.sparse.csr_matrix(DENSE)
    assert list(SparseIndex.build(iter([parts[:10], parts[10:]])).ids) == [str(number) for number in range(40)]
    pairs = (([f"n{number}"], parts[number]) for number in range(40))
    assert list(SparseIndex.build(pairs).search(parts[3], 1)[0].ids) == ["n3"]


def test_a_folder_of_encoded_documents(tmp_path: Path) -> None:
    write_folder(tmp_path / "vectors", shards(corpus(), 3), corpus(2), VOCABULARY)
    index = SparseIndex.build(tmp_path / "vectors", folder=tmp_path / "index")
    assert list(index.ids) == corpus().ids and index.vocabulary == VOCABULARY
    with pytest.raises(UserError, match="a folder of vectors has ids and vocabulary itself"):
        SparseIndex.build(tmp_path / "vectors", vocabulary=9)


WORDS = [f"w{number}" for number in range(30)]
VOCABULARIES: dict[str, Any] = {
    "list": WORDS,
    "get_vocab": dict(reversed([(word, number) for number, word in enumerate(WORDS)])),
    "with holes": [*WORDS, "", "", "more", ""],
}


@pytest.mark.parametrize("vocabulary", VOCABULARIES)
def test_words_stand_for_their_numbers_and_stay_with_the_index(vocabulary: str, tmp_path: Path) -> None:
    def in_words(dense: Any) -> list[dict[str, float]]:
        return [{WORDS[term]: float(row[term]) for term in np.flatnonzero(row)[::-1]} for row in dense]

    words, rows = VOCABULARIES[vocabulary], in_words(DENSE)
    index = SparseIndex.build(rows, vocabulary=words)
    assert index.vocabulary == len(words)
    index.save(tmp_path / "saved")
    parts = SparseIndex.build(iter([rows[:9], DENSE[9:]]), vocabulary=WORDS, folder=tmp_path / "parts")
    of_matrix = SparseIndex.build(np.pad(DENSE, ((0, 0), (0, 2))), vocabulary=WORDS)  # rows that pad a head
    assert of_matrix.vocabulary == 32
    loaded = [SparseIndex.load(tmp_path / "saved", mapped=mapped) for mapped in (True, False)]
    loaded[0].save(tmp_path / "again")
    for each in (index, parts, of_matrix, *loaded, SparseIndex.load(tmp_path / "again")):
        assert [list(hits) for hits in each.search(in_words(QUERIES), 9)] == expected(QUERIES, 9)
        numbers = [{int(term): float(row[term]) for term in np.flatnonzero(row)} for row in QUERIES]
        assert [list(hits) for hits in each.search(numbers, 9)] == expected(QUERIES, 9)
    SparseIndex.build(DENSE).save(tmp_path / "saved")
    with pytest.raises(UserError, match="the term 'w3'; numbers of terms are expected, or words alone where"):
        SparseIndex.load(tmp_path / "saved").search({"w3": 1.0})


def test_words_of_a_model_stand_beside_encoded_documents(tmp_path: Path) -> None:
    tokenizer = small_tokenizer()
    write_folder(tmp_path / "vectors", shards(corpus(), 3), corpus(2), len(tokenizer))
    tokenizer.save_pretrained(tmp_path / "model")
    tiny("bert").save_pretrained(tmp_path / "model")
    index = SparseIndex.build(tmp_path / "vectors", vocabulary=str(tmp_path / "model"))
    word = next(word for word, number in tokenizer.get_vocab().items() if number == 8)
    first, other = index.search({word: 2.0}, 50)[0], index.search({8: 2.0}, 50)[0]
    assert len(first) > 10 and list(first) == list(other)


def test_threads_give_the_same_bits() -> None:
    index = SparseIndex.build(DENSE + np.float32(0.1))
    one, three = (index.search(DENSE, 40, threads=threads) for threads in (1, 3))
    assert [hits.scores.tobytes() for hits in one] == [hits.scores.tobytes() for hits in three]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SparseIndex.build([{3: 1.0}]), "vocabulary: these vectors do not say how many terms there are"),
        (lambda: SparseIndex.build([{"list": 1.0}], vocabulary=9), "the term 'list'; numbers of terms are expected"),
        (lambda: SparseIndex.build([{"list": 1.0}], vocabulary=["lists"]), "the word 'list', which is none of the 1"),
        (lambda: SparseIndex.build([{"a": 1}, {"a": 1, 0: 1}], vocabulary=["a"]), "row 1 has the term 'a'; numbers"),
        (lambda: SparseIndex.build([{1.0: 1.0}], vocabulary=["a"]), r"the term 1\.0; numbers of terms are expected"),
        (lambda: SparseIndex.build(DENSE, vocabulary=["a", "a"]), "'a' stands twice, as numbers 0 and 1"),
        (lambda: SparseIndex.build(DENSE, vocabulary=["a", 1]), "words are expected, found 1 as number 1"),  # type: ignore[list-item]
        (lambda: SparseIndex.build(DENSE, vocabulary={"a": 1, "b": 1}), "'a' and 'b' both have the number 1"),
        (lambda: SparseIndex.build(DENSE, vocabulary={"a": -1}), "'a' has the number -1; numbers from 0 on"),
        (lambda: SparseIndex.build(DENSE, vocabulary={"a": 30}), "'a' is number 30, and the vectors have 30 terms"),
        (lambda: SparseIndex.build(DENSE, vocabulary="nowhere"), "a model's folder is expected, found none there"),
        (lambda: SparseIndex.build(DENSE, vocabulary=0), "vocabulary 0: at least 1 term is expected"),
        (lambda: SparseIndex.build(DENSE, vocabulary=3.5), "or a model's folder is expected, found float"),  # type: ignore[arg-type]
        (lambda: SparseIndex.build([{1: "much"}], vocabulary=9), "a weight is no number"),
        (lambda: SparseIndex.build([{9: 1.0}], ["d"], vocabulary=9), "document 'd': term 9 lies outside"),
        (lambda: SparseIndex.build([{10**30: 1.0}], ["d"], vocabulary=9), "a term's number is beyond 64 bits"),
        (lambda: SparseIndex.build([{2**40: 1.0}], ["d"], vocabulary=9), "document 'd': term -1 lies outside"),
        (lambda: SparseIndex.build(-DENSE), "document '0': term .* has weight -"),
        (lambda: SparseIndex.build(np.full((1, 2), np.nan)), "document '0': term 0 has weight nan"),
        (lambda: SparseIndex.build(np.full((1, 2), 1e300)), "document '0': term 0 has weight inf"),
        (lambda: SparseIndex.build(DENSE, ["a"]), "ids: 40 are expected, one for each vector, found 1"),
        (lambda: SparseIndex.build(DENSE[:2], ["a", "a"]), "document id 'a' occurs more than once"),
        (lambda: SparseIndex.build(DENSE[:2], [1, 2]), r"a list of texts is expected, found 1; pass \[str"),  # type: ignore[list-item]
        (lambda: SparseIndex.build(DENSE, vocabulary=31), "rows over 31 terms are expected, found 30"),
        (lambda: SparseIndex.build(iter([DENSE, DENSE[:, :5]])), "rows over 30 terms are expected, found 5"),
        (lambda: SparseIndex.build(3), "expected a scipy sparse matrix, .*; found int"),
        (lambda: SparseIndex.build(["a text"]), "found a list with str in it"),
        (lambda: SparseIndex.build(DENSE[None]), r"numbers \[N, V\] is expected, found float32 \[1, 40, 30\]"),
        (lambda: SparseIndex.build(torch.zeros(1, 2, 3)), r"a tensor \[N, V\] is expected, found a strided one"),
        (lambda: SparseIndex.build(DENSE).search(DENSE[:, :5]), "vectors over 30 terms are expected, .* found 5"),
        (lambda: SparseIndex.build(DENSE).search({30: 1.0}), "query '0': term 30 lies outside"),
        (lambda: SparseIndex.build(DENSE).search(DENSE, 0), "depth 0: at least 1"),
        (lambda: SparseIndex.build(DENSE).search(DENSE, threads=0), "threads 0: at least 1"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_line(build: Callable[[], Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        build()


def test_a_folder_with_something_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="it exists and holds no index"):
        SparseIndex.build(DENSE).save(tmp_path)
    with pytest.raises(UserError, match="it exists and holds no index"):
        SparseIndex.build(DENSE, folder=tmp_path)
    with pytest.raises(UserError, match="no index there"):
        SparseIndex.load(tmp_path)
    with pytest.raises(UserError, match="no encoded texts there"):
        SparseIndex.build(str(tmp_path))
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_it_works_where_there_is_no_torch(tmp_path: Path) -> None:
    """None as a module makes an import of it fail, as if it were not installed."""
    write_folder(tmp_path / "vectors", shards(corpus(), 3), corpus(2), VOCABULARY)
    lines = [
        "import sys, rescalade",
        "assert not {'numpy', 'torch', 'transformers', 'pydantic', 'numba'} & set(sys.modules), 'import rescalade'",
        "sys.modules |= dict.fromkeys(['torch', 'transformers', 'sentence_transformers', 'datasets', 'tokenizers'])",
        "import numpy, scipy.sparse",
        "dense = numpy.eye(3, dtype=numpy.float32)",
        "rows = [dense, scipy.sparse.csr_array(dense), [{0: 1.0}, {1: 1.0}, {2: 1.0}]]",
        "found = [rescalade.SparseIndex.build(each, vocabulary=3) for each in rows]",
        "found[2].save('saved')",
        "found += [rescalade.SparseIndex.load('saved', mapped=mapped, check=True) for mapped in (True, False)]",
        "found.append(rescalade.SparseIndex.build(iter([dense[:1], dense[1:]]), folder='parts'))",
        "print({tuple(index.search({2: 2.0, 1: 1.0}, threads=2)[0]) for index in found})",
        "assert 'pandas' not in sys.modules",
        "print(rescalade.SparseIndex.build('vectors', folder='index'))",
    ]
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "{(('2', 2.0), ('1', 1.0))}"
    assert f"{len(corpus().ids)} documents" in done.stdout
