"""`rescalade search` with a question: the right documents, and terms whose products add up to the score."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from rescalade.atomic import sha256
from rescalade.backbones.vocabulary import as_transformers, train_wordpiece
from rescalade.cli import main
from rescalade.cli.ask import print_table
from rescalade.models.load import load_lm
from rescalade.models.sparse_encoder_files import save_sparse_encoder
from rescalade.retrieval.answer import Answer, Matched
from rescalade.retrieval.storage import write_index
from support.encoding import splade_config
from support.models import VOCABULARY, tiny
from support.texts import TEXTS
from support.vectors import Row, brute_force, shards, vectors, write_folder

RUN = "r/b/k1/seed1"
QUESTION = TEXTS[3][:30]


def documents() -> list[Row]:
    random = np.random.default_rng(0)
    return [
        {int(t): float(random.random()) + 0.1 for t in random.choice(VOCABULARY, 9, replace=False)} for _ in range(40)
    ]


def expected_query(folder: Path, tokenizer: PreTrainedTokenizerFast, length: int) -> Row:
    """The definition: the largest log(1 + relu(logit)) over the tokens."""
    tokens = tokenizer(QUESTION, return_tensors="pt", truncation=True, max_length=length)
    with torch.no_grad():
        logits = load_lm(folder)(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]).logits
    weights = torch.log1p(torch.relu(logits[0])).amax(0)
    return {term: float(weight) for term, weight in enumerate(weights) if weight > 0}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its model, vectors, index and texts, and no configuration anywhere."""
    folder = tmp_path_factory.mktemp("ask")
    run = folder / "results" / "runs" / RUN
    tokenizer = as_transformers(train_wordpiece(TEXTS, 60), 16)
    save_sparse_encoder(tiny("bert"), tokenizer, splade_config(), run / "model")
    digest = sha256(run / "model" / "model.safetensors")
    corpus = vectors(documents())
    write_folder(run / "vectors" / "d", shards(corpus, 2), vectors([{1: 1.0}], "q"), VOCABULARY, digest)
    (run / "index" / "d").mkdir(parents=True)
    write_index(run / "index" / "d", [corpus], VOCABULARY, model=digest)
    rows = [{"id": f"d{n}", "title": f"Title {n}", "text": "many words " * 40} for n in range(40)]
    (folder / "results" / "data" / "d").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "results" / "data" / "d" / "corpus.parquet")
    return folder


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["rescalade", "search", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


def check(shown: str, place: Path, length: int, top: int) -> None:
    found = json.loads(shown)
    model = place / "results" / "runs" / RUN / "model"
    tokenizer = as_transformers(train_wordpiece(TEXTS, 60), 16)
    query = expected_query(model, tokenizer, length)
    numbers, scores = brute_force(vectors(documents()), query, top)
    assert [answer["id"] for answer in found["documents"]] == [f"d{number}" for number in numbers]
    assert [answer["score"] for answer in found["documents"]] == pytest.approx(scores, rel=1e-5)
    assert found["terms"] == pytest.approx({tokenizer.convert_ids_to_tokens(t): w for t, w in query.items()}, rel=1e-5)
    assert list(found["terms"].values()) == sorted(found["terms"].values(), reverse=True)
    for number, answer in zip(numbers, found["documents"], strict=True):
        products = [match["product"] for match in answer["matched"]]
        assert sum(products) == pytest.approx(answer["score"]) and products == sorted(products, reverse=True)
        assert len(products) == len(documents()[number].keys() & query.keys())
        for match in answer["matched"]:
            term = tokenizer.convert_tokens_to_ids(match["term"])
            assert match["document"] == pytest.approx(documents()[number][term])
            assert match["product"] == pytest.approx(match["query"] * match["document"])


def test_a_run_and_a_data_set(place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    status, shown, _ = call(capsys, RUN, QUESTION, "--dataset", "d", "--json", "--top", "7")
    assert status == 0
    check(shown, place, 8, 7)
    first = json.loads(shown)["documents"][0]
    assert first["snippet"].startswith(f"Title {first['id'][1:]} many words") and len(first["snippet"]) <= 240
    status, shown, _ = call(capsys, RUN, QUESTION, "--dataset", "d", "--top", "2", "--terms", "1")
    lines = shown.splitlines()
    assert status == 0 and lines[0].startswith("query: ") and lines[0].endswith(" more")
    assert lines[1].startswith(f"1. {first['id']}  {first['score']:.4f}")
    assert "×" in lines[2] and lines[3].strip().startswith("Title") and "\x1b" not in shown


def test_a_model_and_vectors(place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = place / "results" / "runs" / RUN
    arguments = [str(run / "model"), QUESTION, "--vectors", str(run / "vectors" / "d"), "--json"]
    status, shown, _ = call(capsys, *arguments, "--query-length", "12")
    assert status == 0
    check(shown, place, 12, 10)
    assert json.loads(shown)["documents"][0]["snippet"] is None
    for _ in range(2):  # made, then used
        status, shown, _ = call(capsys, *arguments, "--index", str(tmp_path / "index"))
        assert status == 0 and (tmp_path / "index" / "header.json").is_file()
        check(shown, place, 8, 10)
    status, shown, _ = call(capsys, arguments[0], QUESTION, "--index", str(tmp_path / "index"), "--json")
    assert status == 0 and len(json.loads(shown)["documents"]) == 10


def test_a_file_of_questions_is_answered_by_a_run_file(
    place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The first by hand's brute force, each as the same words by themselves, gzipped or not."""
    run, questions = place / "results" / "runs" / RUN, [QUESTION, TEXTS[5][:20], ""]
    (tmp_path / "q.tsv").write_text("".join(f"q{number}\t{text}\n" for number, text in enumerate(questions)))
    rows = [json.dumps({"_id": f"q{number}", "text": text}) + "\n" for number, text in enumerate(questions)]
    (tmp_path / "q.jsonl").write_text("".join(rows))
    where = ["--index", str(run / "index" / "d")]
    for source, out in ((run / "model", "run.trec"), (run, "run.trec.gz")):
        file = tmp_path / ("q.tsv" if out == "run.trec" else "q.jsonl")
        status, said, _ = call(capsys, str(source), str(file), *where, "--out", str(tmp_path / out), "--top", "5")
        assert status == 0 and said == f"{tmp_path / out}: 3 questions, at most 5 documents of each\n"
    plain = (tmp_path / "run.trec").read_text()
    found = [line.split(" ") for line in plain.splitlines()]
    unpacked = gzip.decompress((tmp_path / "run.trec.gz").read_bytes()).decode()
    packed = [line.split(" ") for line in unpacked.splitlines()]
    assert [line[:5] for line in found] == [line[:5] for line in packed]
    tokenizer = as_transformers(train_wordpiece(TEXTS, 60), 16)
    numbers, scores = brute_force(vectors(documents()), expected_query(run / "model", tokenizer, 8), 5)
    first = [line for line in found if line[0] == "q0"]
    assert [line[2:4] for line in first] == [[f"d{number}", str(rank)] for rank, number in enumerate(numbers, 1)]
    assert [float(line[4]) for line in first] == pytest.approx(scores, rel=1e-5)
    for number, text in enumerate(questions[:2]):  # asked by itself, the empty one is refused
        shown = json.loads(call(capsys, str(run), text, *where, "--json", "--top", "5")[1])
        expected = [answer["id"] for answer in shown["documents"]]
        assert [line[2] for line in found if line[0] == f"q{number}"] == expected
    (tmp_path / "none").mkdir()
    write_index(tmp_path / "none", [vectors([{}])], VOCABULARY, model=sha256(run / "model" / "model.safetensors"))
    arguments = [str(run), str(tmp_path / "q.tsv"), "--index", str(tmp_path / "none"), "--out", str(tmp_path / "x")]
    assert "; 3 of them share no term with any" in call(capsys, *arguments)[1]


def test_a_run_by_the_path_of_its_folder(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a shell completes it, from wherever it is asked; the model's folder in it too."""
    monkeypatch.chdir(place)
    expected = call(capsys, RUN, QUESTION, "--dataset", "d")[1]
    for path in (f"results/runs/{RUN}/", f"results/runs/{RUN}/model", f"./results/../results/runs/{RUN}"):
        status, shown, _ = call(capsys, path, QUESTION, "--dataset", "d")
        assert status == 0 and shown == expected
    monkeypatch.chdir(place / "results" / "runs" / "r")
    assert call(capsys, "b/k1/seed1", QUESTION, "--dataset", "d", "--results", "../..")[1] == expected


def test_mistakes_are_one_line(place: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = place / "results" / "runs" / RUN
    other = tmp_path / "other"
    shutil.copytree(run / "model", other)
    tokenizer = as_transformers(train_wordpiece(TEXTS, 60), 16)
    save_sparse_encoder(tiny("bert", seed=9), tokenizer, splade_config(), other)
    repository = Path(__file__).parents[2]
    asked = tmp_path / "asked.tsv"
    asked.write_text(f"q1\t{QUESTION}\n")
    for arguments, part in [
        ([str(other), QUESTION, "--index", str(run / "index" / "d")], "the index is of model"),
        ([str(other), QUESTION, "--vectors", str(run / "vectors" / "d")], "of another model"),
        ([str(other), QUESTION, "--dataset", "d"], "has no data sets"),
        ([str(other), QUESTION, "--index", str(tmp_path / "none")], "no index there"),
        ([str(other), " ", "--index", str(run / "index" / "d")], "the question is empty"),
        ([str(tmp_path), QUESTION, "--index", str(tmp_path / "none")], "expected a model folder"),
        (
            [str(run / "model"), QUESTION, "--vectors", str(run / "vectors" / "d"), "--index", str(other)],
            "other than an",
        ),
        (["r/b/k2/seed1", QUESTION, "--dataset", "d"], "is missing; train the run first"),
        (["questions.tsv", "x", "--dataset", "d"], "or the path of its folder"),
        ([str(run / "model"), "questions.tsv", "--index", str(run / "index" / "d")], "no such file of questions"),
        ([str(run / "model"), QUESTION, "--index", str(run / "index" / "d"), "--out", "x"], "for which --out is"),
        ([str(run / "model"), str(asked), "--index", str(run / "index" / "d")], "is a file; name the run file"),
        ([str(run / "model"), str(asked)], "say where to ask a file of questions"),
        ([str(run), QUESTION, "--dataset", "d"], f"--results {place / 'results'}"),
        (["mini/bert-small/k1/seed1", QUESTION, "--config", str(repository / "config.yaml")], "--dataset NAME"),
    ]:
        status, _, errors = call(capsys, *arguments)
        assert status == 2 and errors.count("\n") == 1 and part in errors, errors


def test_the_table_for_terminals(capsys: pytest.CaptureFixture[str]) -> None:
    answer = Answer(1, "d[1]", 2.0, [Matched("[CLS]", 2.0, 0.5, 1.0), Matched("b", 1.0, 1.0, 1.0)], "some [bold] text")
    print_table({"[CLS]": 2.0, "b": 1.0}, [answer], 1)
    shown = capsys.readouterr().out
    for part in ("d[1]", "[CLS]", "2.00×0.50=1.00", "and 1 more", "[bold]", "2.0000"):
        assert part in shown
    print_table({}, [], 1)
    assert "no document has a term of the query" in capsys.readouterr().out
