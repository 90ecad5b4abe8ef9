"""An encoding goes on where it ended, and makes again what is broken and nothing else."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rescalade.encoding.encoder import Encoder
from rescalade.encoding.workers import run_on_devices
from rescalade.errors import UserError
from rescalade.texts.layout import Layout
from rescalade.vectors.vectors import QUERIES, CorpusShards, model_digest, read_manifest
from support.encoding import encode, job, save_data, save_model

NAMES = ["shard-00000.parquet", "shard-00001.parquet", "shard-00002.parquet", QUERIES]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "model")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_data(tmp_path_factory.mktemp("data") / "data")


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """First id of every file that is encoded during the test."""
    seen: list[str] = []
    plain = Encoder.encode

    def watched(self: Encoder, ids: list[str], *arguments: object, **options: object) -> object:
        seen.append(ids[0])
        return plain(self, ids, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Encoder, "encode", watched)
    return seen


@pytest.mark.slow
def test_a_killed_encoding_goes_on(model: Path, data: Path, tmp_path: Path, encoded: list[str]) -> None:
    """SIGKILL in the third shard; the first two are kept, and the whole equals one that was not interrupted."""
    work = tmp_path / "work"

    def progress(done: int, total: int, values: object) -> None:
        if done > 21:
            os.kill(os.getpid(), signal.SIGKILL)

    killed = os.fork()
    if killed == 0:
        try:
            signal.alarm(120)
            torch.set_num_threads(1)  # a fork has none of the threads that its parent may have started
            job(model, data, work).encode(["cpu"], progress)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(killed, 0)[1]) == -signal.SIGKILL
    finished = {path.name for path in work.glob("*.sha256")}
    assert "shard-00000.sha256" in finished and "shard-00002.sha256" not in finished
    manifest = encode(model, data, work)
    # the writer may or may not have come to the second shard
    assert encoded == [*([] if "shard-00001.sha256" in finished else ["d10"]), "d20", "q0"]
    whole = encode(model, data, tmp_path / "whole")
    assert manifest.sha256 == whole.sha256


def test_shards_can_be_made_one_by_one_in_any_order(
    model: Path, data: Path, tmp_path: Path, encoded: list[str]
) -> None:
    for number in (2, 0, 1, 0):
        job(model, data, tmp_path / "parts").encode_shard(number, "cpu", lambda *_: None)
    assert encoded == ["d20", "d0", "d10"]
    manifest = encode(model, data, tmp_path / "parts")
    assert encoded[3:] == ["q0"]
    assert manifest.sha256 == encode(model, data, tmp_path / "whole").sha256
    with pytest.raises(UserError, match="the corpus has 3"):
        job(model, data, tmp_path / "parts").encode_shard(3, "cpu", lambda *_: None)


def test_several_devices_give_the_same_bytes(model: Path, data: Path, tmp_path: Path) -> None:
    one = encode(model, data, tmp_path / "one")
    two = encode(model, data, tmp_path / "two", devices=("cpu", "cpu", "cpu"))
    assert one.sha256 == two.sha256


def test_an_error_on_one_device_ends_the_others() -> None:
    made: list[int] = []

    def make(device: str, item: int) -> Callable[[], None]:
        if item == 3:
            raise ValueError("broken")
        return lambda: made.append(item)

    with pytest.raises(ValueError, match="broken"):
        run_on_devices(range(10_000), ["a", "b", "c"], lambda device: device, make)
    assert 3 not in made and len(made) < 10_000


def test_a_damaged_shard_alone_is_made_again(model: Path, data: Path, tmp_path: Path, encoded: list[str]) -> None:
    target = tmp_path / "run" / "vectors" / "test"
    first = job(model, data, tmp_path / "run" / "encoding" / "test")
    manifest = first.encode(["cpu"], lambda *_: None)
    first.work.publish({*manifest.sha256, "manifest.json"}, target)
    assert sorted(path.name for path in target.iterdir()) == sorted([*NAMES, "manifest.json"])
    assert not (tmp_path / "run" / "encoding").exists()
    shard = target / NAMES[1]
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"shard-00001\.parquet.*delete it and encode again"):
        CorpusShards(target)
    encoded.clear()
    again = job(model, data, tmp_path / "run" / "encoding" / "test", earlier=target)
    assert again.encode(["cpu"], lambda *_: None).sha256 == manifest.sha256
    assert encoded == ["d10"]
    again.work.publish({*manifest.sha256, "manifest.json"}, target)
    assert len(CorpusShards(target)) == 3


def test_nothing_of_other_settings_or_another_model_is_taken(
    model: Path, data: Path, tmp_path: Path, encoded: list[str]
) -> None:
    work = tmp_path / "work"
    first = encode(model, data, work)
    assert len(encoded) == 4
    encode(model, data, work, document_length=12)
    assert len(encoded) == 8
    other = save_model(tmp_path / "other", seed=1)
    assert encode(other, data, work, document_length=12).model != first.model
    assert len(encoded) == 12


def test_vectors_of_another_model_are_named(model: Path, data: Path, tmp_path: Path) -> None:
    manifest = encode(model, data, tmp_path / "a")
    other = save_model(tmp_path / "other", seed=1)
    encode(other, data, tmp_path / "b")
    shutil.copy(tmp_path / "b" / NAMES[1], tmp_path / "a" / NAMES[1])
    with pytest.raises(UserError, match=r"shard-00001\.parquet is of another model"):
        read_manifest(tmp_path / "a")
    assert manifest.model == model_digest(model) != model_digest(other)


def test_a_full_disk_keeps_what_is_finished(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoded: list[str]
) -> None:
    from rescalade.vectors import files

    plain, calls = files.pq.write_table, []

    def full(*arguments: object, **options: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        plain(*arguments, **options)

    monkeypatch.setattr(files.pq, "write_table", full)
    work = tmp_path / "work"
    with pytest.raises(OSError, match="No space left") as raised:
        encode(model, data, work)
    assert raised.value.filename == str(work / NAMES[1])
    assert sorted(path.name for path in work.iterdir()) == ["shard-00000.parquet", "shard-00000.sha256"]
    encoded.clear()
    encode(model, data, work)
    assert encoded == ["d10", "d20", "q0"]


def test_a_limit_on_file_size_is_an_error_with_a_number(tmp_path: Path) -> None:
    """What pyarrow raises where the kernel refuses to write; main.py tells the user by its errno."""
    code = (
        "import resource, sys; import numpy as np; from pathlib import Path\n"
        "from rescalade.vectors.vectors import SparseVectors, write_vectors\n"
        "n = 20000; random = np.random.default_rng(0)\n"
        "v = SparseVectors(['d'], np.array([0, n]), np.arange(n, dtype=np.int32), "
        "random.random(n, dtype=np.float32) + 1)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
        "try: write_vectors(Path(sys.argv[1]), v)\n"
        "except OSError as error: print(error.errno, error.filename)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "v.parquet")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(errno.EFBIG), str(tmp_path / "v.parquet")]
    assert not list(tmp_path.iterdir())


def test_tokens_are_made_once_per_tokenizer(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    plain = Layout.tokens

    def counted(layout: Layout, tokenizer: Any, texts: list[str]) -> object:
        calls.append(len(texts))
        return plain(layout, tokenizer, texts)

    monkeypatch.setattr(Layout, "tokens", counted)
    cache = tmp_path / "tokens"
    first = encode(model, data, tmp_path / "a", tokens=cache)
    assert calls == [10, 10, 5, 5]
    other = save_model(tmp_path / "other", seed=1)
    encode(other, data, tmp_path / "b", tokens=cache)
    assert len(calls) == 4  # the same tokenizer, another model
    (stored,) = cache.glob("*/10-20.npz")
    stored.write_bytes(stored.read_bytes()[:-30])
    assert encode(model, data, tmp_path / "c", tokens=cache).sha256 == first.sha256
    assert calls[4:] == [10]
    encode(model, data, tmp_path / "d", tokens=cache, document_length=12)
    assert calls[5:] == [10, 10, 5]  # queries have the same length still
