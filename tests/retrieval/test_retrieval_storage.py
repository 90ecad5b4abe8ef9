"""An index on disk: the same for any sharding, whole or not there, checked when it is loaded, bounded while built."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from rescalade.atomic import atomic_folder
from rescalade.errors import UserError
from rescalade.retrieval.header import check_origin, read_header, verify
from rescalade.retrieval.index import build_index
from rescalade.retrieval.search import search
from rescalade.retrieval.storage import load_index, write_index
from rescalade.vectors.vectors import SparseVectors
from support.index_corpus import VOCABULARY, corpus
from support.vectors import shards, vectors

QUERY = vectors([{1: 1.0, 2: 0.3, 7: 2.0}], "q")


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "index"
    write_index(folder, shards(corpus(), 4), VOCABULARY, model="a" * 64, vectors="b" * 64)
    return folder


def test_the_mapped_index_answers_as_the_one_in_memory(index: Path) -> None:
    built, mapped = build_index([corpus()], VOCABULARY), load_index(index)
    assert not mapped.documents.flags.owndata and not mapped.documents.flags.writeable
    assert list(mapped.ids) == built.ids and len(mapped) == 300 and mapped.vocabulary == VOCABULARY
    (expected,), (found,) = search(built, QUERY, 20), search(mapped, QUERY, 20)
    assert found[0].tolist() == expected[0].tolist() and found[1].tolist() == expected[1].tolist()
    assert mapped.names(found[0]) == [f"d{number}" for number in found[0]]


def test_files_are_the_same_for_any_sharding(tmp_path: Path) -> None:
    found = [
        write_index(tmp_path / str(count), shards(corpus(), count), VOCABULARY, memory_mb=1) for count in (1, 3, 10)
    ]
    assert len({json.dumps(header.crc32) for header in found}) == 1


def test_ids_keep_any_character(tmp_path: Path) -> None:
    names = ["a b", "tab\there", "ünïcode ☃", "", "line\nend", "𝕏"]
    whole = corpus(len(names))
    write_index(tmp_path, [SparseVectors(names, whole.offsets, whole.terms, whole.weights)], VOCABULARY)
    loaded = load_index(tmp_path).ids
    assert list(loaded) == names and loaded[-1] == "𝕏"
    with pytest.raises(IndexError):
        loaded[len(names)]


def test_an_empty_corpus_is_an_index_too(tmp_path: Path) -> None:
    write_index(tmp_path, [], VOCABULARY)
    ((numbers, _),) = search(load_index(tmp_path), QUERY, 5)
    assert len(numbers) == 0


def test_building_keeps_to_its_memory(tmp_path: Path) -> None:
    def parts() -> Iterator[SparseVectors]:
        for number in range(60):  # 2.4 million postings, 34 MB at 14 bytes
            names = [f"d{number}-{row}" for row in range(1000)]
            terms = np.tile(np.arange(40, dtype=np.int32), 1000)
            yield SparseVectors(names, np.arange(0, 40_001, 40), terms, np.ones(40_000, np.float32))

    write_index(tmp_path / "warm", shards(corpus(3), 1), VOCABULARY)
    tracemalloc.start()
    try:
        write_index(tmp_path / "index", parts(), VOCABULARY, memory_mb=4)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read_header(tmp_path / "index").blocks == 9
    assert peak < 6.5e6  # 4 MB of postings, a shard of 0.5 MB, names, 0.5 MB of hashes; the whole index has 15 MB


def damage_truncated(folder: Path) -> None:
    path = folder / "weights.bin"
    path.write_bytes(path.read_bytes()[:-8])


def damage_missing(folder: Path) -> None:
    (folder / "documents.bin").unlink()


def damage_header(folder: Path) -> None:
    path = folder / "header.json"
    path.write_text(path.read_text().replace('"documents": 300', '"documents": 301'))


def damage_no_json(folder: Path) -> None:
    (folder / "header.json").write_text("{")


def damage_no_header(folder: Path) -> None:
    (folder / "header.json").unlink()


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (damage_truncated, r"weights\.bin has .* bytes, .* expected"),
        (damage_missing, r"documents\.bin is missing"),
        (damage_header, "wrong checksum"),
        (damage_no_json, "damaged"),
        (damage_no_header, "no index there"),
    ],
)
def test_damage_is_named_on_load(damage: object, part: str, index: Path) -> None:
    damage(index)  # type: ignore[operator]
    with pytest.raises(UserError, match=part):
        load_index(index)


def test_a_flipped_bit_is_found_by_verify(index: Path) -> None:
    verify(index)
    path = index / "documents.bin"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    load_index(index)  # sizes are right
    with pytest.raises(UserError, match=r"documents\.bin: wrong checksum"):
        verify(index)


def test_an_index_of_other_vectors_is_refused(index: Path) -> None:
    check_origin(index, model="a" * 64, vectors="b" * 64)
    with pytest.raises(UserError, match="of model aaaaaaaaaaaa…, the queries are of model cccccccccccc…"):
        check_origin(index, model="c" * 64)
    with pytest.raises(UserError, match="other vectors of this model"):
        check_origin(index, model="a" * 64, vectors="c" * 64)


BUILD = """
import resource, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from support.index_corpus import VOCABULARY, corpus
from support.vectors import shards
from rescalade.atomic import atomic_folder
from rescalade.retrieval.storage import write_index

def parts():
    for number, part in enumerate(shards(corpus(2000), 10)):
        if number == 7:
            {before}
        yield part

with atomic_folder(Path(sys.argv[1])) as output:
    write_index(output, parts(), VOCABULARY, memory_mb=1)
"""


def build(target: Path, before: str) -> subprocess.Popen[str]:
    code = BUILD.format(tests=str(Path(__file__).parents[1]), before=before)
    return subprocess.Popen(
        [sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_killed_build_leaves_no_index_and_the_next_removes_its_remains(tmp_path: Path) -> None:
    target = tmp_path / "index"
    process = build(target, "print('here', flush=True); time.sleep(60)")
    assert process.stdout is not None and process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not target.exists()
    assert len(list(tmp_path.glob(".index.*.part"))) == 1
    with pytest.raises(UserError, match="no index there"):
        load_index(target)
    with atomic_folder(target) as output:
        write_index(output, [corpus()], VOCABULARY)
    assert len(load_index(target)) == 300
    assert [path.name for path in tmp_path.iterdir()] == ["index"]


def test_a_killed_build_keeps_the_index_that_was_there(tmp_path: Path) -> None:
    target = tmp_path / "index"
    write_index(target, [corpus()], VOCABULARY)
    process = build(target, "print('here', flush=True); time.sleep(60)")
    assert process.stdout is not None and process.stdout.readline() == "here\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(load_index(target)) == 300


def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path: Path) -> None:
    before = "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))"
    process = build(tmp_path / "index", before)
    _, errors = process.communicate()
    assert process.returncode != 0
    assert "UserError" in errors and "the index cannot be written" in errors
    assert not list(tmp_path.iterdir())
