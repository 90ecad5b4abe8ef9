"""Run files that others have written: order, separators, ties, and what does not belong to the data set."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest
import pytrec_eval

from rescalade.errors import UserError
from rescalade.scoring.given_run import read_given_run
from rescalade.scoring.given_stage import TakenRun, TakeRunSettings, run_take_run
from rescalade.scoring.runfile import iterate_run
from rescalade.stage import Call
from support.commands import call, run
from support.small_collections import SMALL, save

LINES = ["q1 Q0 d2 1 9.5 x", "q1 Q0 d1 2 9.5 x", "q1 Q0 d4 3 1e-3 x", "q2 Q0 d3 1 -2 x"]
RANKED = {"q1": [("d2", 9.5), ("d1", 9.5), ("d4", 0.001)], "q2": [("d3", -2.0)]}


def run_file(folder: Path, lines: list[str], name: str = "run.trec") -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def taken(folder: Path, lines: list[str], depth: int = 100) -> tuple[dict[str, list[tuple[str, float]]], TakenRun]:
    data = save(folder / "small", SMALL)
    inputs = {"manifest": data / "manifest.json"}
    outputs = {"retrieved": folder / "out.trec.gz", "facts": folder / "out.json", "record": folder / "record.json"}
    call_ = Call("take-run", names={"given": "theirs", "dataset": "small"})
    run_take_run(TakeRunSettings(path=str(run_file(folder, lines)), depth=depth), inputs, outputs, call_)
    return dict(iterate_run(outputs["retrieved"])), TakenRun.read(outputs["facts"])


@pytest.mark.parametrize("separator", [" ", "\t", "   "])
def test_the_order_of_lines_says_nothing(tmp_path: Path, separator: str) -> None:
    for seed in range(4):
        lines = [separator.join(line.split()) for line in LINES]
        random.Random(seed).shuffle(lines)
        found = read_given_run(run_file(tmp_path, lines))
        assert dict(found.hits) == RANKED and found.ties == 1


def test_gzip_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_bytes(gzip.compress("\n".join(LINES).encode()))
    assert dict(read_given_run(path).hits) == RANKED


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("q1 Q0 d1 1 9", "line 5: 5 columns"),
        ("q1 0 d1 1", "line 5: 4 columns"),
        ("q2 Q0 d3 9 1 x", "names document 'd3' twice, in line 4"),
        ("q9 Q0 d3 1 nan x", "is not a finite number"),
        ("q9 Q0 d3 one 1 x", "rank and score are expected"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        read_given_run(run_file(tmp_path, [*LINES, line]))
    assert "run.trec, line 5" in str(caught.value)


def test_what_the_data_set_does_not_have_is_counted(tmp_path: Path) -> None:
    hits, facts = taken(tmp_path, [*LINES, "q1 Q0 zzz 9 0 x", "other Q0 d1 1 1 x"], depth=3)
    assert hits == RANKED
    assert (facts.queries, facts.unknown_queries, facts.unknown_documents, facts.ties, facts.cut) == (2, 1, 1, 1, 1)
    _, without = taken(tmp_path, [line for line in LINES if line.startswith("q1")])
    assert without.missing == 1  # q2 is judged


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["x Q0 d1 1 1 x"], "none of its 1 queries is one of data set small"),
        (["q1 Q0 a 1 2 x", "q1 Q0 b 2 1 x", "q1 Q0 d1 3 0 x"], "2 of the 3 documents"),
        ([], "no line is in it"),
    ],
)
def test_a_run_of_something_else_is_refused(tmp_path: Path, lines: list[str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        taken(tmp_path, lines)


def test_any_run_is_scored_by_any_judgements(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Against pytrec_eval, which sorts by score itself; without ties, whose order is a convention."""
    draw = random.Random(3)
    documents = [f"d{number}" for number in range(30)]
    scores = {f"q{q}": {d: round(draw.random() * 100, 6) for d in draw.sample(documents, 20)} for q in range(8)}
    qrels = {f"q{q}": {d: draw.randint(0, 3) for d in draw.sample(documents, 6)} for q in range(10)}
    lines = [f"{q} Q0 {d} 0 {s} x" for q, hits in scores.items() for d, s in hits.items()]
    draw.shuffle(lines)
    judgements = tmp_path / "qrels.txt"
    judgements.write_text("".join(f"{q} 0 {d} {g}\n" for q, grades in qrels.items() for d, g in grades.items()))
    run("score", str(run_file(tmp_path, lines)), "--qrels", str(judgements), "--json")
    found = json.loads(capsys.readouterr().out)
    theirs = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut_10", "recall_100"}).evaluate(scores)
    for ours, name in (("nDCG@10", "ndcg_cut_10"), ("Recall@100", "recall_100")):
        assert found["measures"][ours] == pytest.approx(sum(row[name] for row in theirs.values()) / 10, abs=1e-9)
    assert (found["queries"], found["without_hits"], found["not_judged"]) == (10, 2, 0)


def test_files_that_do_not_belong_together_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, judgements = str(run_file(tmp_path, LINES)), tmp_path / "qrels.tsv"
    judgements.write_text("query-id\tcorpus-id\tscore\nother\td1\t1\n")
    status, lines = call(capsys, "score", given, "--qrels", str(judgements))
    assert status == 2 and len(lines) == 1 and "none of its 2 queries is judged" in lines[0]
    judgements.write_text("q1 0 d1 1\nq1 0 d1 2\n")
    status, lines = call(capsys, "score", given, "--qrels", str(judgements))
    assert status == 2 and "stands in line 1 already" in lines[0]
    assert call(capsys, "score", given, "--qrels", str(judgements), "--repeated", "last") == (0, [])
    status, lines = call(capsys, "score", given, "--qrels", str(judgements), "--measures", "nDGC@10")
    assert status == 2 and "nDCG@10" in lines[0]
    assert call(capsys, "score", "bm25")[0] == 2
