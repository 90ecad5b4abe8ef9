"""Rules for judgements that are given twice, go beyond the corpus, or leave a query without a relevant document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rescalade.errors import UserError
from support.sources import config, make, manifest
from support.user_folders import beir

LINES = "q0\ta\t1\nq0\ta\t3\nq0\ta\t2\nq1\tb\t1\n"


def made(folder: Path, qrels: str, **entry: Any) -> dict[str, dict[str, int]]:
    """Grades of a folder with these judgements."""
    place = beir(folder / "set")
    (place / "qrels" / "test.tsv").write_text(qrels)
    return make(config(x={"source": "files", "path": str(place), "part": "test", **entry}), "x", folder).relevant()


@pytest.mark.parametrize(
    ("rule", "gains", "grade"),
    [("first", {}, 1), ("best", {}, 3), ("last", {}, 2), ("best", {3: 0, 1: 5}, 5), ("last", {2: 0}, 0)],
)
def test_which_of_several_judgements_counts(tmp_path: Path, rule: str, gains: dict[int, int], grade: int) -> None:
    found = made(tmp_path, LINES, repeated_judgements=rule, gains=gains, judgements=4)  # declared: the source's lines
    assert found["q0"] == {"a": grade}
    counted = manifest(tmp_path, "x")
    assert (counted["repeated_judgements"], counted["repeated"], counted["counts"]["judgements"]) == (2, rule, 2)


def test_without_a_rule_both_lines_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"line 2: judgement .* stands in line 1 .*x\.repeated_judgements: first, best"):
        made(tmp_path, LINES)


def test_judgements_over_a_larger_corpus_are_kept_and_counted(tmp_path: Path) -> None:
    qrels = "q0\ta\t1\nq0\tz1\t1\nq1\tz2\t0\n"
    with pytest.raises(UserError, match=r"test\.tsv, line 2: .* 'z1', .*; datasets\.x\.missing_documents: keep"):
        made(tmp_path / "refused", qrels)
    assert made(tmp_path, qrels, missing_documents="keep") == {"q0": {"a": 1, "z1": 1}, "q1": {"z2": 0}}
    assert manifest(tmp_path, "x")["judged_but_missing"] == 2


def test_queries_without_a_relevant_document(tmp_path: Path) -> None:
    qrels = "q0\ta\t2\nq0\tb\t0\nq1\tb\t0\nq1\ta\t-1\nq2\ta\t-2\n"
    assert set(made(tmp_path / "kept", qrels)) == {"q0", "q1", "q2"}
    assert manifest(tmp_path / "kept", "x")["without_relevant"] == 2
    assert made(tmp_path, qrels, without_relevant="drop", queries=3, judgements=5) == {"q0": {"a": 2, "b": 0}}
    counted = manifest(tmp_path, "x")
    assert (counted["without_relevant"], counted["without_relevant_dropped"]) == (2, True)
    assert counted["counts"] == {"documents": 2, "queries": 1, "judgements": 2, "triples": None}
    with pytest.raises(UserError, match="no query has a relevant document"):
        made(tmp_path / "none", "q0\ta\t0\n", without_relevant="drop")


def test_headers_of_judgements_say_which_column_is_what(tmp_path: Path) -> None:
    for number, qrels in enumerate(
        (
            "corpus-id\tquery-id\tscore\na\tq0\t2\n",
            "#qid docno rel iter\nq0 a 2 7\n",
            "\ufefftopic\titeration\tdocid\tlabel\r\nq0 \t0\t a\t+2\r\n",
            "q0\tQ0\ta\t2\n",
        )
    ):
        assert made(tmp_path / str(number), qrels) == {"q0": {"a": 2}}


def test_queries_are_numbered_from_nought(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The second column of TREC's is often called 0, and so is the first query."""
    place = beir(tmp_path / "set")
    (place / "queries.tsv").write_text("0\twhat\n")
    (place / "queries.jsonl").unlink()
    (place / "qrels" / "test.tsv").write_text("0 0 a 1\n")
    with caplog.at_level("WARNING"):
        found = make(config(x={"source": "files", "path": str(place), "part": "test"}), "x", tmp_path)
    assert found.relevant() == {"0": {"a": 1}} and not caplog.records
