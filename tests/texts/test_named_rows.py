"""Files of users: encodings, byte-order marks, headers, columns, types, and line numbers."""

from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path

import pytest

from rescalade.errors import UserError
from rescalade.texts.named_rows import UNTITLED, NamedRow, named_rows
from rescalade.texts.own_texts import read_texts
from rescalade.texts.run_ids import unfit

ROWS = [("d1", "Cats", "The cat sat."), ("d2", "", "Hunde bellen nächtens.")]
TSV = "".join("\t".join(row) + "\n" for row in ROWS)
JSONL = "".join(json.dumps(dict(zip(("_id", "title", "text"), row, strict=True))) + "\n" for row in ROWS)
PACKED = gzip.compress(JSONL.encode(), mtime=0)


def rows(path: Path) -> list[tuple[str, str, str]]:
    return [row[1:] for row in named_rows(path)]


@pytest.mark.parametrize(
    "name", ["a.tsv", "a.TSV", "a.tsv.gz", "a.jsonl", "a.JSONL", "a.json", "a.jsonl.gz", "a.Json.GZ"]
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n \n", "\n\ufeff"])
def test_one_reading_whatever_the_name_mark_and_line_ends(tmp_path: Path, name: str, mark: str, end: str) -> None:
    text = mark + (TSV if "tsv" in name.lower() else JSONL).replace("\n", end)
    content = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.lower().endswith("gz") else content)
    assert rows(tmp_path / name) == ROWS
    assert read_texts(tmp_path / name).read(0, 2) == (["d1", "d2"], ["Cats The cat sat.", "Hunde bellen nächtens."])


def test_only_newlines_end_a_line(tmp_path: Path) -> None:
    text = "one\u2028two\x0bthree\x0cfour\x85five\rsix\x00 \ufeffseven"
    (tmp_path / "a.tsv").write_text(f"a\t{text}\nb\tx", newline="")
    assert rows(tmp_path / "a.tsv") == [("a", "", text), ("b", "", "x")]


@pytest.mark.parametrize(
    ("header", "order"),
    [
        ("id\ttitle\ttext", (0, 1, 2)),
        ("id\ttext\ttitle", (0, 2, 1)),  # DPR's
        ('"_id"\tContents\tTITLE', (0, 2, 1)),
        ("text\tdoc-id", (2, 0)),
        ("#docid\tbody", (0, 2)),
    ],
)
def test_a_header_says_which_column_is_what(tmp_path: Path, header: str, order: tuple[int, ...]) -> None:
    lines = ["\t".join(row[place] for place in order) for row in ROWS]
    (tmp_path / "a.tsv").write_text("\n".join([header, *lines]) + "\n")
    titled = 1 in order
    assert rows(tmp_path / "a.tsv") == [(i, title if titled else "", text) for i, title, text in ROWS]


def test_a_line_that_only_begins_like_a_header_is_a_row_and_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.tsv").write_text("id\twords of it\nb\tx\n")
    with caplog.at_level(logging.WARNING):
        assert [row[0] for row in rows(tmp_path / "a.tsv")] == ["id", "b"]
    assert "a.tsv, line 1: it begins like a header" in caplog.text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"_id": "a", "id": "b", "text": "x"}', ("a", "", "x")),
        ('{"_id": null, "id": "b", "text": "x"}', ("b", "", "x")),
        ('{"id": 7, "title": 1984, "text": 1.50}', ("7", "1984", "1.50")),  # numbers as they are written
        ('{"id": "a", "title": NaN, "text": "x"}', ("a", "", "x")),
        (
            '{"id": "a", "title": "\\ud83d", "text": "cat \\ud83d sit \\ud83d\\ude00"}',
            ("a", "\ufffd", "cat \ufffd sit 😀"),
        ),
        ('{"id": "\\udc00a", "text": "\\\\ud83d", "more": {"\\ud83d": ["\\ud83d"]}}', ("\ufffda", "", "\\ud83d")),
    ],
)
def test_fields_of_json_lines(tmp_path: Path, line: str, expected: tuple[str, str, str]) -> None:
    (tmp_path / "a.jsonl").write_text(line + "\n")
    assert rows(tmp_path / "a.jsonl") == [expected]


def test_half_pairs_are_warned_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = [json.dumps({"id": str(n), "text": "\ud83d" if n else "😀"}) for n in range(4)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    with caplog.at_level(logging.WARNING):
        assert len(rows(tmp_path / "a.jsonl")) == 4
    assert [record.getMessage().count("line 2") for record in caplog.records] == [1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.tsv",
            "a\tx\n\nb\té\n".encode("latin-1"),
            "a.tsv, line 3: not valid UTF-8 (0xe9, byte 3 of the line)",
        ),
        ("a.tsv", "a\tx\n".encode("utf-16"), "a.tsv, line 1: UTF-16 found, UTF-8 is expected"),
        ("a.tsv", "a\tx".encode("utf-16-le"), "a.tsv, line 1: UTF-16 found, UTF-8 is expected"),
        ("a.jsonl", '{"id": "a", "text": "x"}\n'.encode("utf-16-be"), "a.jsonl, line 1: UTF-16 found"),
        ("a.jsonl.gz", b'{"id": "a", "text": "x"}\n', "a.jsonl.gz: it is called .gz and is not gzipped"),
        ("a.jsonl.gz", PACKED[:-9], "a.jsonl.gz: truncated or damaged"),
        ("a.jsonl", PACKED[:12], "a.jsonl: truncated or damaged"),
        ("a.jsonl.gz", PACKED[:20] + b"?" + PACKED[21:], "a.jsonl.gz: truncated or damaged"),
        ("a.tsv", b"a\tx\n \ty\n", "a.tsv, line 2: the id is empty"),
        (
            "a.tsv",
            b"a\tx\nb y\n",
            "a.tsv, line 2: 1 column found, 2 (id, text) or 3 (id, title, text) separated by tabs",
        ),
        ("a.tsv", b"a\tt\tx\ty\n", "a.tsv, line 1: 4 columns found"),
        ("a.tsv", b"id\ttitle\ttext\na\tx\n", "a.tsv, line 2: 2 columns found, 3 as in the header"),
        ("a.jsonl", b'{"id": "a", "text": "x"},\n', "a.jsonl, line 1: not JSON (Extra data)"),
        ("a.jsonl", b'{"a":' * 100_000, "a.jsonl, line 1: not JSON (too deeply nested)"),
        (
            "a.jsonl",
            b'{"id": true, "text": "x"}\n',
            "a.jsonl, line 1: id is expected to be a text, found true or false",
        ),
        (
            "a.jsonl",
            b'{"id": "a", "title": ["x"], "text": "x"}\n',
            "line 1: title is expected to be a text, found a list",
        ),
        ("a.jsonl", b'{"id": "", "text": "x"}\n', "a.jsonl, line 1: the id is empty; id is expected"),
        ("a.jsonl", b'{"id": "a", "text": null}\n', "a.jsonl, line 1: text is null"),
        ("a.jsonl", b'[\n{"id": "a"}]\n', "a.jsonl, line 1: not JSON"),
        ("a.csv", b"a,b\n", "expected a file called .tsv"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_file_and_line(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        list(named_rows(tmp_path / name))
    assert message in str(caught.value)


def test_queries_have_no_title(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("q1\twhat\nq2\ttitle\tword\n")
    found = named_rows(tmp_path / "a.tsv", UNTITLED)
    assert next(found) == NamedRow((tmp_path / "a.tsv", 1), "q1", "", "what")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"line 2: 3 columns found, 2 \(id, text\)"):
        next(found)


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").mkdir()
    for name, why in (("a.tsv", "Is a directory"), ("b.tsv", "No such file or directory")):
        with pytest.raises(UserError, match=f"{name} cannot be read: {why}"):
            read_texts(tmp_path / name)


def test_ids_for_a_run_file_are_looked_at_before_anything_is_encoded(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("a\tx\nb c\ty\n")
    assert read_texts(tmp_path / "a.tsv").read(0, 2)[0] == ["a", "b c"]
    with pytest.raises(UserError, match=r"a\.tsv, line 2: id 'b c' holds white space \(U\+0020\), which a run file"):
        read_texts(tmp_path / "a.tsv", for_run=True)


@pytest.mark.parametrize(
    ("identity", "mistake"),
    [
        ("", "is empty"),
        ("d 1", "holds white space (U+0020)"),
        ("d\u00a01", "holds white space (U+00A0)"),
        ("d\u20281", "holds white space (U+2028)"),
        ("d\x1f", "holds white space (U+001F)"),
        ("d\x001", "holds a control character (U+0000)"),
        ("d\ud83d", "holds half of a surrogate pair (U+D83D)"),
        ("d/1,#é😀\u200b..", None),
    ],
)
def test_ids_that_no_run_file_can_hold(identity: str, mistake: str | None) -> None:
    found = unfit(identity)
    assert found is None if mistake is None else str(found).startswith(mistake)
    # what a reader of run files makes of it: columns by white space, ids that end at a NUL
    if "\ud83d" not in identity:
        held = f"q Q0 {identity} 1 2.0 tag".split() == ["q", "Q0", identity, "1", "2.0", "tag"] and "\0" not in identity
        assert held == (mistake is None)
