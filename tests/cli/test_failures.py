"""What the operating system refuses ends in one line with a remedy that fits."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rescalade.cli.failures import check_text, disk_failure, missing_package, needed
from rescalade.errors import UserError
from rescalade.history import read_history
from rescalade.outcome import Outcome
from rescalade.scoring.runfile import iterate_run
from rescalade.terminal.cache import check_cache
from rescalade.texts.triple_files import given_triples
from rescalade.vectors.files import read_vectors
from support.commands import call


@pytest.mark.parametrize(
    ("number", "place", "remedy"),
    [
        (errno.ENOSPC, "results/x", "free space"),
        (errno.EROFS, "results/x", "choose another folder by --results"),
        (errno.EACCES, "results/x", "change its permissions"),
        (errno.ENOTDIR, "results/x", "a file stands where a folder is needed"),
        (errno.EMFILE, None, "ulimit -n"),
        (errno.EROFS, "~/.ir_datasets/beir", "set IR_DATASETS_HOME"),
        (errno.EACCES, "~/.cache/huggingface/hub/x", "set HF_HOME"),
        (errno.ENOSPC, "~/.cache/other", "set XDG_CACHE_HOME"),
        (errno.EROFS, "~/.triton/cache/x", "set TRITON_CACHE_DIR"),
        (errno.EROFS, "~/.config/some", "set HOME"),
        (errno.EROFS, "~/results/x", "choose another folder by --results"),
        (errno.EISDIR, "~/.ir_datasets/beir", "a file stands where a folder is needed"),
    ],
)
def test_each_kind_of_failure_has_its_own_remedy(
    number: int, place: str | None, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/some")
    for name in ("IR_DATASETS_HOME", "HF_HOME", "TRITON_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    where = None if place is None else str(Path(place).expanduser())
    line = disk_failure(OSError(number, os.strerror(number), where))
    assert line is not None and line.startswith(f"{where or 'output'}: {os.strerror(number)}; ") and remedy in line
    assert remedy == "free space" or "free space" not in line


def test_a_cache_that_was_moved_is_known_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IR_DATASETS_HOME", str(tmp_path / "sets"))
    line = disk_failure(OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "sets" / "a")))
    assert line is not None and "set IR_DATASETS_HOME" in line


def test_of_a_file_and_where_it_was_to_go_the_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError) as error:
        (tmp_path / "file").rename(tmp_path / "folder")
    line = disk_failure(error.value)
    assert line is not None and line.startswith(f"{tmp_path / 'folder'}: Is a directory; ")


def test_pyarrow_s_failures_name_their_file() -> None:
    said = "Failed to open local file '/a/b c.parquet'. Detail: [errno 13] Permission denied"
    line = disk_failure(PermissionError(errno.EACCES, said))
    assert line is not None and line.startswith("/a/b c.parquet: Permission denied; ")


@pytest.mark.parametrize(
    "read",
    [
        read_vectors,
        read_history,
        Outcome.read_or_none,
        lambda path: list(iterate_run(path)),
        lambda path: list(given_triples(path, 1)),
    ],
)
def test_a_file_that_may_not_be_read_is_not_called_damaged(read: Callable[[Path], object], tmp_path: Path) -> None:
    """A name that is too long, which the system refuses to open whoever asks; a damaged file has another remedy."""
    path = tmp_path / ("x" * 300)
    with pytest.raises(OSError, match="name too long") as error:
        read(path)
    line = disk_failure(error.value)
    assert line is not None and line.startswith(f"{path}: File name too long; ")
    path = tmp_path / "damaged"
    path.write_bytes(b"no such format")
    with pytest.raises(UserError, match=r"again|expected"):
        read(path)


def test_failures_that_no_user_can_mend_stay_as_they_are() -> None:
    assert disk_failure(OSError(errno.EINVAL, "Invalid argument")) is None
    assert disk_failure(OSError("nothing is known")) is None


@pytest.mark.parametrize(
    "arguments",
    [["audit", "~nobody-here/model"], ["encode", "~nobody-here/model", "--texts", "t.tsv", "--out", "vectors"]],
)
def test_a_home_folder_of_nobody_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = call(capsys, *arguments)
    assert status == 2 and len(lines) == 1 and "~nobody-here/model: there is no home folder" in lines[0]


@pytest.mark.parametrize("arguments", [["search", "run", "\udced\udca0\udcbd"], ["encode", "m", "--out", "caf\udce9"]])
def test_bytes_that_are_not_utf8_are_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = call(capsys, *arguments)
    assert status == 2 and len(lines) == 1 and "its bytes are not UTF-8" in lines[0]


def test_a_locale_that_cannot_read_is_named() -> None:
    check_text(["café", "日本"])
    with pytest.raises(UserError, match=r"set LC_ALL=C.UTF-8"):
        check_text([os.fsdecode(b"caf") + "".join(chr(0xDC00 + byte) for byte in "é".encode())])


def test_snakemake_without_a_place_for_its_cache_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    folders = type("Folders", (), {"user_cache_dir": str(tmp_path / "file" / "snakemake")})
    monkeypatch.setattr("rescalade.terminal.cache.get_appdirs", folders)
    with pytest.raises(SystemExit) as ended:
        check_cache()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "Not a directory" in line and "XDG_CACHE_HOME" in line


WITHOUT = """
import sys
missing = ["ir_datasets", "jinja2", "matplotlib", "snakemake", "statsmodels"]
sys.modules |= dict.fromkeys(missing)  # an import of each fails now
from rescalade.cli import main
main()
"""


@pytest.mark.parametrize(
    ("arguments", "package"),
    [
        (("audit", "no-model", "--out", "page"), "matplotlib"),  # before the model is looked for
        (("collection", "nfcorpus"), "ir_datasets"),
        (("plan", "paper"), "ir_datasets"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_without_the_extra_pipeline_it_is_one_line(tmp_path: Path, arguments: tuple[str, ...], package: str) -> None:
    (tmp_path / "config.yaml").write_text("experiment: mini\n")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr == f"rescalade: error: {needed(package)}\n" and done.returncode == 2
    assert "pip install 'rescalade[pipeline]'" in done.stderr


def test_a_module_that_no_extra_brings_keeps_its_traceback() -> None:
    assert missing_package(ModuleNotFoundError(name="matplotlib.figure")) == needed("matplotlib")
    assert missing_package(ModuleNotFoundError(name="rescalade.nothing")) is None
    assert missing_package(ModuleNotFoundError("no name")) is None
