"""What happens to triples that cannot be trained on: left out and counted, cut and counted, or refused."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transformers import BertTokenizerFast

from rescalade.audit.audit_stage import triple_batches
from rescalade.errors import UserError
from rescalade.models.splade_config import as_trained
from rescalade.texts.micro_batches import micro_batches
from rescalade.training.build_examples import TokensKept, build_examples
from rescalade.training.examples import Examples
from rescalade.training.settings import TrainSettings
from support.encoding import splade_config
from support.oracle import write_manifest

SETTINGS = TrainSettings(batch_size=2, query_length=6, document_length=8)
DOCUMENTS = {"d1": "ab", "d2": "ac ad", "d3": "   ", "d4": "aa ab", "d5": "aa " * 20, "d6": "ba bb"}
QUERIES = {"q1": "aa", "q2": "", "q3": "ab ac ad ae af ag"}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(a + b for a in "ab" for b in "abcdefgh")]
    path = tmp_path_factory.mktemp("words") / "vocab.txt"
    path.write_text("\n".join(words))
    return BertTokenizerFast(str(path))


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    return write(tmp_path / "collection", [*QUERIES], [*QUERIES.values()])


def write(folder: Path, queries: list[str], texts: list[str]) -> Path:
    """A folder as `write_collection` leaves it, but with texts and ids that it would refuse; two row groups."""
    folder.mkdir()
    tables = {
        "corpus.parquet": {"id": [*DOCUMENTS], "title": ["aa", *[""] * 5], "text": [*DOCUMENTS.values()]},
        "queries.parquet": {"id": queries, "text": texts, "group": [""] * len(queries)},
    }
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), folder / name, row_group_size=4)
    write_manifest(folder)
    return folder


def triples(*rows: tuple[Any, ...]) -> pa.Table:
    names = ("query_id", "positive_id", "negative_id", "positive_score", "negative_score")
    return pa.table({name: [row[n] for row in rows] for n, name in enumerate(names[: len(rows[0])])})


def words(found: Examples, tokenizer: Any) -> list[list[str] | None]:
    """The texts of each example as the tokens say them, None where it is never drawn."""

    def text(tokens: Any, number: int) -> str:
        return str(tokenizer.decode(tokens.numbers[tokens.offsets[number] : tokens.offsets[number + 1]]))

    return [
        None if min(row) < 0 else [text(found.queries, row[0]), *(text(found.documents, n) for n in row[1:])]
        for row in found.rows.tolist()
    ]


def built(
    collection: Path,
    table: pa.Table,
    tokenizer: Any,
    settings: TrainSettings,
    seed: int,
    kept: TokensKept | None = None,
) -> Examples:
    """Examples for a masked model."""
    return build_examples(
        collection, table, tokenizer, settings, as_trained(settings, "fp32", "causal", "bert"), seed, kept
    )


def test_what_cannot_be_used_is_left_out_and_counted(collection: Path, tokenizer: Any) -> None:
    table = triples(
        ("q1", "d1", "d2"),
        ("q1", None, "d2"),  # no positive
        ("q9", "", "d2"),  # none either; that the query is unknown does not matter then
        ("q2", "d1", "d2"),  # empty query
        ("q1", "d1", "d3"),  # empty negative
        ("q1", "d1", "d1"),  # the positive itself
        ("q1", "d1", "d4"),  # its text under another id, the title being a part of it
        ("q3", "d2", "d5"),  # both longer than their limits
    )
    found = built(collection, table, tokenizer, SETTINGS, 0)
    assert words(found, tokenizer) == [
        ["[CLS] aa [SEP]", "[CLS] aa ab [SEP]", "[CLS] ac ad [SEP]"],
        ["[CLS] ab ac ad ae [SEP]", "[CLS] ac ad [SEP]", "[CLS] aa aa aa aa aa aa [SEP]"],
    ]
    assert found.counts == {
        "with an empty text": 2,
        "whose negative is the positive": 2,
        "without a positive": 2,
        "queries cut": 1,
        "documents cut": 1,
    }
    assert sorted(found.queries.lengths) == [3, 6]
    assert len(found.documents) == 3  # d2 once, although two examples have it


def test_several_negatives_are_grouped_by_query_and_positive(collection: Path, tokenizer: Any) -> None:
    table = triples(
        *(("q1", "d1", negative, 5.0, score) for negative, score in (("d2", 1.0), ("d5", 2.0), ("d6", 3.0))),
        ("q3", "d2", "d1", 7.0, 0.5),
        ("q3", "d2", "d6", 7.0, 0.25),
    )
    settings = SETTINGS.model_copy(update={"negatives": 2, "loss": "kl"})
    found = built(collection, table, tokenizer, settings, 0)
    assert found.rows.shape == (2, 4)
    assert found.teacher is not None
    assert found.teacher.tolist() == [[5.0, 1.0, 2.0], [7.0, 0.5, 0.25]]
    assert found.counts["too few to give 2 negatives"] == 1


@pytest.mark.parametrize("negatives", [1, 2, 3])
def test_groups_are_those_of_a_walk_over_the_triples(negatives: int, collection: Path, tokenizer: Any) -> None:
    chance = random.Random(negatives)
    rows = [
        (
            chance.choice(["q1", "q3"]),
            chance.choice(["d1", "d2", "d6"]),
            chance.choice(["d2", "d5", "d6"]),
            1.0,
            float(n),
        )
        for n in range(60)
    ]
    groups: dict[tuple[str, str], list[float]] = {}
    for query, positive, negative, _, score in rows:
        if positive != negative:
            groups.setdefault((query, positive), []).append(score)
    expected = [
        scores[first : first + negatives]
        for scores in groups.values()
        for first in range(0, len(scores) - negatives + 1, negatives)
    ]
    if negatives == 1:
        expected = [[row[4]] for row in rows if row[1] != row[2]]
    settings = SETTINGS.model_copy(update={"negatives": negatives, "loss": "margin-mse"})
    # several chunks, as a table of many row groups has them
    table = pa.concat_tables([triples(*rows[:25]), triples(*rows[25:])])
    found = built(collection, table, tokenizer, settings, 0)
    assert found.teacher is not None
    assert found.teacher[:, 1:].tolist() == expected
    read = words(found, tokenizer)
    short = {**DOCUMENTS, "d1": "aa ab", "d5": "aa aa aa aa aa aa"}
    for scores, texts in zip(expected, read, strict=True):
        assert texts is not None
        named = [rows[int(scores[0])][1], *(rows[int(score)][2] for score in scores)]
        assert texts[1:] == [f"[CLS] {short[name]} [SEP]" for name in named]


def test_runs_that_see_the_same_texts_tokenise_them_once(
    collection: Path, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = triples(("q1", "d1", "d2"), ("q3", "d2", "d5"))
    kept = TokensKept(tmp_path / "tokens", "this tokenizer")
    plain = built(collection, table, tokenizer, SETTINGS, 0)
    built(collection, table, tokenizer, SETTINGS, 0, kept)

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("tokenised again")

    monkeypatch.setattr("rescalade.texts.layout.packed", never)
    again = built(collection, table, tokenizer, SETTINGS, 0, kept)
    assert words(again, tokenizer) == words(plain, tokenizer)
    assert again.counts == plain.counts == {"queries cut": 1, "documents cut": 1}
    others = {
        "other texts": (triples(("q1", "d1", "d6")), SETTINGS, kept),
        "another length": (table, SETTINGS.model_copy(update={"document_length": 5}), kept),
        "another tokenizer": (table, SETTINGS, TokensKept(kept.folder, "that tokenizer")),
    }
    for rows, settings, folder in others.values():
        with pytest.raises(AssertionError, match="tokenised again"):
            built(collection, rows, tokenizer, settings, 0, folder)


def test_tokens_of_a_long_training_are_not_kept(
    collection: Path, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rescalade.training.build_examples.KEPT", SETTINGS.query_length)
    built(collection, triples(("q1", "d1", "d5")), tokenizer, SETTINGS, 0, TokensKept(tmp_path / "t", ""))
    # the query can have no more than its length; two documents can, and theirs are not there
    assert len(list((tmp_path / "t").glob("*.npz"))) == 1


def test_texts_of_examples_that_are_never_drawn_are_not_tokenised(collection: Path, tokenizer: Any) -> None:
    drawn = set(next(micro_batches(8, 2, seed=5)).tolist())
    table = triples(*(("q1", "d1", "d2") if n in drawn else ("q3", "d6", "d5") for n in range(8)))
    found = built(collection, table, tokenizer, SETTINGS.model_copy(update={"max_steps": 1}), 5)
    assert {n for n, texts in enumerate(words(found, tokenizer)) if texts is not None} == drawn
    assert (len(found), len(found.queries), len(found.documents)) == (8, 1, 2)


@pytest.mark.parametrize(
    ("table", "settings", "message"),
    [
        (triples(("q1", "d1", "d2")), {"loss": "margin-mse"}, "no column 'positive_score'"),
        (triples(("q1", "d1", "d2", 1.0, None)), {"loss": "kl"}, "1 of 1 triples have no finite negative_score"),
        (triples(("q1", "d1", "d2", 1.0, float("inf"))), {"loss": "kl"}, "1 of 1 triples have no finite negative"),
        (triples(("q1", "d1", "d2", 1.0, "2")), {"loss": "kl"}, "'negative_score' of the triples holds string"),
        (triples(("q1", "d9", "d2")), {}, "triples name positive 'd9'"),
        (triples(("q1", "d1", "d2"), ("q7", "d1", "d9")), {}, "triples name query 'q7'"),
        (triples(("q1", "d1", None)), {}, "triples name negative None"),
        (triples(("q1", "d1", "d1")), {}, r"no training example is left of 1 triples \(1 whose negative"),
        (triples(("q1", None, "d1")), {}, r"no training example is left of 1 triples \(1 without a positive"),
        (triples(("q1", "d1", "d2")).slice(1), {}, r"no training example is left of 0 triples \(there are none"),
        (triples(("q1", "d1", "d2")), {"negatives": 3}, "1 too few to give 3 negatives"),
    ],
)
def test_what_cannot_be_mended_is_refused(
    table: pa.Table, settings: dict[str, Any], message: str, collection: Path, tokenizer: Any
) -> None:
    with pytest.raises(UserError, match=message):
        built(collection, table, tokenizer, SETTINGS.model_copy(update=settings), 0)


def test_an_id_that_occurs_twice_is_refused(tokenizer: Any, tmp_path: Path) -> None:
    folder = write(tmp_path / "twice", ["q1", "q3", "q1"], ["aa", "ab", "ac"])
    with pytest.raises(UserError, match=r"query id 'q1' occurs more than once in the collection \(1 repeated"):
        built(folder, triples(("q3", "d1", "d2"), ("q1", "d1", "d2")), tokenizer, SETTINGS, 0)


def test_a_damaged_collection_is_refused(collection: Path, tokenizer: Any) -> None:
    path = collection / "corpus.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match=r"corpus\.parquet: sha256"):
        built(collection, triples(("q1", "d1", "d2")), tokenizer, SETTINGS, 0)


def test_an_audit_reads_the_texts_of_its_micro_batch(collection: Path, tokenizer: Any) -> None:
    table = triples(("q3", "d6", "d1"), ("q1", "d1", "d5"))
    how = splade_config(query_length=6, document_length=5)
    options: dict[str, Any] = {"batch_size": 2, "how": how, "device": "cpu"}
    queries, documents = triple_batches(tokenizer, collection, table, **options)
    order = [0, 1] if "ac" in tokenizer.decode(queries.input_ids[0]) else [1, 0]
    texts = [tokenizer.decode(row, skip_special_tokens=True) for row in documents.input_ids]
    expected = ["ba bb", "aa ab"], ["aa ab", "aa aa aa"]  # positives, then negatives
    assert texts == [column[n] for column in expected for n in order]
    with pytest.raises(UserError, match="triples name query 'q8'"):
        triple_batches(tokenizer, collection, triples(("q8", "d1", "d2")), **options)


def test_out_of_memory_names_the_setting() -> None:
    from rescalade.training.forecast import Plan, explained

    plan = Plan(1, 2, 1, 2, 2, 9, 4 * 10**9, 10**9, 10**9, 8 * 10**9)
    with (
        pytest.raises(UserError, match="set encode_rows to 48 \\(now 96 texts at once\\)"),
        explained(SETTINGS, plan, 96),
    ):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: not enough memory: you tried")
    with pytest.raises(RuntimeError, match="a mistake"), explained(SETTINGS, plan, 96):
        raise RuntimeError("a mistake of ours")


def test_tensorboard_without_the_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from rescalade.training.callback import tensorboard_writer

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match="pip install tensorboard"):
        tensorboard_writer(tmp_path, 0)
