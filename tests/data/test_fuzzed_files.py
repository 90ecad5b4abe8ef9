"""Bytes that nobody meant: readers of a user's files end in a result or one line that names the file."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rescalade.data.sources.files import FilesDataset, open_files
from rescalade.data.sources.passage_rows import open_passages
from rescalade.data.sources.passages import PassagesDataset
from rescalade.data.writer import write_streams
from rescalade.errors import UserError
from rescalade.texts.own_texts import read_texts

PIECES = (
    b'{"_id": "a", "title": "T", "text": "x"}', b'{"id": 1, "text": "\\ud83d"}', b'{"_id": null, "text": 1e999, ',
    b'"_id": ["a"]}', b"[", b"]", b"{", b"}", b'"', b":", b",", b"\\ud83d", b"\\u0000", b"NaN", b"-Infinity", b"true",
    b"1" * 4400, b"\xef\xbb\xbf", b"\xff\xfe", b"\xe9", b"\xed\xa0\xbd", b"\xe2\x80\xa8", b"\x00", b"\x1f\x8b\x08",
    b"\r\n", b"\n", b"\r", b"\t", b" ", b"id\ttext\n", b"id\ttitle\ttext", b"query-id\tcorpus-id\tscore\n", b"a\tx",
    b"a\tt\tx\n", b"q0\ta\t1\n", b"q0 0 a 1\n", b"q0\ta\t99999999999\n", b"q0\ta\t-2\n",
    b'{"query_id": "q", "query": "?", "positive_passages": [{"docid": 1, "text": "x"}], "negative_passages": []}',
    b'{"query_id": "q", "query": "?", "positive_passages": {}, "negative_passages": [1]}', b'{"a":' * 2000,
)  # fmt: skip
"""What files of these kinds are made of, whole and broken."""


def packed(content: bytes, cut: int) -> bytes:
    """Gzipped and cut short; whole where `cut` is 0."""
    found = gzip.compress(content, mtime=0)
    return found[: len(found) - cut]


CONTENTS = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=8).map(b"".join)
FILES = CONTENTS | st.builds(packed, CONTENTS, st.integers(0, 12))


def own(path: Path) -> None:
    read_texts(path)


def collection(path: Path) -> None:
    place = folder(path, "corpus")
    write_streams(
        path.parent / "made", "x", FilesDataset(source="files", path=str(place)), open_files("x", place, None)
    )


def queries(path: Path) -> None:
    list(open_files("x", folder(path, "queries"), None).queries())


def judgements(path: Path) -> None:
    list(open_files("x", folder(path, "qrels"), None).judgements())


def passages(path: Path) -> None:
    streams = open_passages("x", PassagesDataset(source="passages", path=str(path)))
    for stream in (streams.documents, streams.queries, streams.judgements):
        list(stream())


def folder(path: Path, name: str) -> Path:
    """A folder with the file under a name, and sound files beside it."""
    place = path.parent / f"{name} of {path.name}"
    place.mkdir(exist_ok=True)
    for other, content in (("corpus.tsv", "a\tx\n"), ("queries.tsv", "q0\tx\n"), ("qrels.tsv", "q0\ta\t1\n")):
        (place / other).write_text(content)
    (place / f"{name}.tsv").unlink()
    (place / f"{name}{path.suffix if name != 'qrels' else '.tsv'}").write_bytes(path.read_bytes())
    return place


READERS = (
    *((own, ending) for ending in (".jsonl", ".tsv")),
    *((read, ".tsv") for read in (queries, judgements)),
    *((read, ".jsonl") for read in (collection, passages)),
)


@pytest.mark.parametrize(("read", "ending"), READERS)
def test_a_result_or_one_line_with_the_file(read: Callable[[Path], None], ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"file{ending}"

    @settings(max_examples=30, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(content=FILES)
    @example(content=b'{"a":' * 100_000)
    @example(content=packed(b"a\tx\n" * 10_000, 5))
    def check(content: bytes) -> None:
        path.write_bytes(content)
        message = refusal(read, path)
        assert message is None or (str(tmp_path) in message and len(message) < 1000), message
        assert message is None or re.search(r", line [0-9]+: |damaged|has no", message), message

    check()


def refusal(read: Callable[[Path], None], path: Path) -> str | None:
    """What a reader says of a file; None where it takes it."""
    try:
        read(path)
    except UserError as error:
        return str(error)
    return None
