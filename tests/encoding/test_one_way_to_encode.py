"""One way from text to vector: the stage, `encode --texts`, `search "words"` and Encoder.load give equal bits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from rescalade.encoding.encoder import Encoder
from rescalade.models.splade_config import FILE
from rescalade.vectors.vectors import QUERIES, CorpusShards, SparseVectors, read_vectors
from support.commands import call, run
from support.encoding import save_data, save_model, small_tokenizer, splade_config
from support.shipped import shipped
from support.texts import TEXTS

RUN = "mini/bert-small/k1/seed1"
QUESTION = TEXTS[0][:20]  # the one query of the data set: alone in its batch, it has the same bits everywhere
VECTORS = Path("results") / "runs" / RUN / "vectors" / "pydoc"
MODEL = Path("results") / "runs" / RUN / "model"


def configure(folder: Path, **retrieval: Any) -> None:
    values = shipped()
    values["retrieval"] = retrieval
    (folder / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a data set of one query."""
    monkeypatch.chdir(tmp_path)
    configure(tmp_path)
    save_data(tmp_path / "results" / "data" / "pydoc", queries=1)
    (tmp_path / "q.tsv").write_text(f"q0\t{QUESTION}\n")
    return tmp_path


def row(vectors: SparseVectors) -> dict[int, float]:
    assert len(vectors) == 1
    return dict(zip(vectors.terms.tolist(), vectors.weights.tolist(), strict=True))


def asked(capsys: pytest.CaptureFixture[str], model: str, *options: str) -> dict[int, float]:
    """The query's vector by `rescalade search`."""
    capsys.readouterr()
    run("search", model, QUESTION, *(options or ("--vectors", str(VECTORS))), "--json")
    terms = json.loads(capsys.readouterr().out)["terms"]
    return {small_tokenizer().convert_tokens_to_ids(name): weight for name, weight in terms.items()}


def test_all_ways_give_the_same_vectors(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found: list[dict[int, float]] = []
    for precision in ("fp32", "bf16"):
        for pool in (True, False):
            shutil.rmtree(folder / "results" / "runs", ignore_errors=True)
            save_model(MODEL, pool_special_tokens=pool, precision=precision)
            run("encode", RUN, "pydoc")
            expected = row(read_vectors(VECTORS / QUERIES))
            run("encode", RUN, "--queries", "q.tsv", "--out", "own")
            assert row(read_vectors(folder / "own" / QUERIES)) == expected
            assert asked(capsys, str(MODEL)) == expected
            assert row(Encoder.load(MODEL).encode_query(QUESTION)) == expected
            moved = shutil.move(MODEL, folder / f"{precision}-{pool}")
            assert asked(capsys, str(moved)) == expected
            found.append(expected)
    assert all(one != two for n, one in enumerate(found) for two in found[:n])  # each of the four switches matters
    exact, rounded = found[0], found[2]  # bf16 has 8 bits: logits below 1 move by less than 2^-8 a few times over
    assert max(abs(exact.get(term, 0.0) - rounded.get(term, 0.0)) for term in {*exact, *rounded}) < 2**-6


def test_the_configuration_may_override_and_the_question_follows_the_vectors(
    folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    save_model(MODEL)
    own = row(Encoder.load(MODEL).encode_query(QUESTION))
    configure(folder, precision="bf16", query_length=5)
    run("encode", RUN, "pydoc")
    settings = CorpusShards(VECTORS).manifest.settings
    assert {key: settings[key] for key in ("precision", "query_length", "document_length")} == {
        "precision": "bf16", "query_length": 5, "document_length": 16,
    }  # fmt: skip
    expected = row(read_vectors(VECTORS / QUERIES))
    assert expected != own
    caplog.clear()
    assert asked(capsys, RUN, "--dataset", "pydoc") == expected
    assert "precision bf16, as the vectors were encoded" in caplog.text and "says fp32" in caplog.text


def test_a_model_that_says_something_else_than_its_vectors_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(MODEL)
    run("encode", RUN, "pydoc")
    capsys.readouterr()
    for key, value in (("pool_special_tokens", False), ("query_prompt", "query: ")):
        splade_config(**{key: value}).write(MODEL / FILE)
        status, lines = call(capsys, "search", RUN, QUESTION, "--dataset", "pydoc")
        assert status == 2 and len(lines) == 1 and f"{key} {value!r}, but the vectors" in lines[0]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("{", "cannot be read"),
        ("[]", "expected a JSON object"),
        ({"schema_version": 0}, "schema_version: expected 3, found none: an older version"),
        ({"schema_version": 9}, "a newer version"),
        ({"precision": "fp8"}, "precision: expected"),
        ({"query_length": 0}, "query_length: "),
        ({"query_lenght": 5}, "query_lenght: expected no such key"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(
    content: str | dict[str, Any], part: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_model(folder / "model")
    text = content if isinstance(content, str) else json.dumps({**splade_config().model_dump(), **content})
    (folder / "model" / FILE).write_text(text)
    status, lines = call(capsys, "encode", "model", "--queries", "q.tsv", "--out", "own")
    assert status == 2 and len(lines) == 1 and part in lines[0] and FILE in lines[0]
    assert not (folder / "own").exists()
