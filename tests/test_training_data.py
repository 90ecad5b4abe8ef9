"""What happens to triples that cannot be trained on: left out and counted, cut and counted, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from transformers import BertTokenizerFast

from rescalade.data.collection import Collection
from rescalade.errors import UserError
from rescalade.training.data import build_examples
from rescalade.training.settings import TrainSettings

SETTINGS = TrainSettings(batch_size=2, query_length=6, document_length=8)
DOCUMENTS = {"d1": "aa ab", "d2": "ac ad", "d3": "   ", "d4": "aa ab", "d5": "aa " * 20, "d6": "ba bb"}
QUERIES = {"q1": "aa", "q2": "", "q3": "ab ac ad ae af ag"}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(a + b for a in "ab" for b in "abcdefgh")]
    path = tmp_path_factory.mktemp("words") / "vocab.txt"
    path.write_text("\n".join(words))
    return BertTokenizerFast(str(path))


def collection(extra_query: str | None = None) -> Collection:
    queries = [*QUERIES, *([extra_query] if extra_query else [])]
    return Collection(
        corpus=pa.table({"id": list(DOCUMENTS), "title": [""] * len(DOCUMENTS), "text": list(DOCUMENTS.values())}),
        queries=pa.table({"id": queries, "text": [QUERIES.get(name, "x") for name in queries]}),
        qrels=pa.table({"query_id": ["q1"], "document_id": ["d1"], "grade": [1]}),
    )


def triples(*rows: tuple[Any, ...]) -> pa.Table:
    names = ("query_id", "positive_id", "negative_id", "positive_score", "negative_score")
    return pa.table({name: [row[n] for row in rows] for n, name in enumerate(names[: len(rows[0])])})


def test_what_cannot_be_used_is_left_out_and_counted(tokenizer: Any) -> None:
    table = triples(
        ("q1", "d1", "d2"),
        ("q1", None, "d2"),  # no positive
        ("q2", "d1", "d2"),  # empty query
        ("q1", "d1", "d3"),  # empty negative
        ("q1", "d1", "d1"),  # the positive itself
        ("q1", "d1", "d4"),  # its text under another id
        ("q3", "d2", "d5"),  # both longer than their limits
    )
    found = build_examples(collection(), table, tokenizer, SETTINGS, 0)
    assert len(found) == 2
    assert found.counts == {
        "with an empty text": 2,
        "whose negative is the positive": 2,
        "without a positive": 1,
        "queries cut": 1,
        "documents cut": 1,
    }
    assert sorted(map(len, found.queries)) == [3, 6]
    assert max(map(len, found.documents)) == 8


def test_several_negatives_are_grouped_by_query_and_positive(tokenizer: Any) -> None:
    table = triples(
        *(("q1", "d1", negative, 5.0, score) for negative, score in (("d2", 1.0), ("d5", 2.0), ("d6", 3.0))),
        ("q3", "d2", "d1", 7.0, 0.5),
        ("q3", "d2", "d6", 7.0, 0.25),
    )
    settings = SETTINGS.model_copy(update={"negatives": 2, "loss": "kl"})
    found = build_examples(collection(), table, tokenizer, settings, 0)
    assert found.rows.shape == (2, 4)
    assert found.teacher is not None
    assert found.teacher.tolist() == [[5.0, 1.0, 2.0], [7.0, 0.5, 0.25]]
    assert found.counts["too few to give 2 negatives"] == 1


@pytest.mark.parametrize(
    ("table", "settings", "message"),
    [
        (triples(("q1", "d1", "d2")), {"loss": "margin-mse"}, "no column 'positive_score'"),
        (triples(("q1", "d1", "d2", 1.0, None)), {"loss": "kl"}, "1 of 1 triples have no finite negative_score"),
        (triples(("q1", "d9", "d2")), {}, "triples name positive 'd9'"),
        (triples(("q1", "d1", "d1")), {}, r"no training example is left of 1 triples \(1 whose negative"),
        (triples(("q1", "d1", "d2")), {"negatives": 3}, "1 too few to give 3 negatives"),
    ],
)
def test_what_cannot_be_mended_is_refused(
    table: pa.Table, settings: dict[str, Any], message: str, tokenizer: Any
) -> None:
    with pytest.raises(UserError, match=message):
        build_examples(collection(), table, tokenizer, SETTINGS.model_copy(update=settings), 0)


def test_an_id_that_occurs_twice_is_refused(tokenizer: Any) -> None:
    with pytest.raises(UserError, match="query id 'q1' occurs more than once"):
        build_examples(collection(extra_query="q1"), triples(("q1", "d1", "d2")), tokenizer, SETTINGS, 0)


def test_out_of_memory_names_the_setting() -> None:
    from rescalade.training.memory import explained
    from rescalade.training.plan import Plan

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

    from rescalade.training.board import Board

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match="pip install tensorboard"):
        Board(tmp_path, 0)
