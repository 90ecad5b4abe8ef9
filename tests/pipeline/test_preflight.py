"""What is checked before the graph is built; tests/pipeline/test_graph_errors.py shows how it ends in Snakemake."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from rescalade.config import build_config, load_config
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.preflight import (
    check_checkout,
    check_local_folders,
    check_names,
    check_writable,
    configure,
    disk_warning,
)
from support.graph import REPOSITORY, SMALL
from support.synthetic_fates import configuration


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(SMALL)
    return path


def test_the_experiment_can_be_chosen(small: Path) -> None:
    assert configure([small], {}).name == "small"
    assert configure([small], {"experiment": "twice"}).name == "twice"


def test_a_number_is_a_name_too(small: Path) -> None:
    """Snakemake reads --config experiment=3 as a number."""
    with pytest.raises(UserError, match="unknown experiment '3'"):
        configure([small], {"experiment": 3})


def test_other_keys_belong_in_a_file(small: Path) -> None:
    with pytest.raises(UserError, match=r"^--config seeds=\.\.\.: only experiment=NAME"):
        configure([small], {"experiment": "small", "seeds": [1]})


def test_the_later_file_wins(small: Path, tmp_path: Path) -> None:
    (tmp_path / "over.yaml").write_text("retrieval: {batch_tokens: 128}\n")
    assert configure([small, tmp_path / "over.yaml"], {}).model.retrieval.batch_tokens == 128


def test_a_checkout_with_braces_in_its_path_is_refused() -> None:
    check_checkout(Path("/home/josé/it's $5 here"))
    with pytest.raises(UserError, match=r"/a/\{b\}: Snakemake takes braces"):
        check_checkout(Path("/a/{b}"))


@pytest.mark.parametrize("name", ["report", "train", "prefetch"])
def test_names_of_targets(name: str) -> None:
    with pytest.raises(UserError, match=f"backbone '{name}' is called like a stage or target"):
        check_names(["bert", name], ["report", "train", "prefetch"])


def test_writing_leaves_nothing(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    for folder in (tmp_path / "results", tmp_path / "results" / "deeper"):
        with pytest.raises(UserError, match="Not a directory"):
            check_writable(folder)


def test_a_link_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "results").symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match="cannot be written"):
        check_writable(tmp_path / "results")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="Permission denied"):
        check_writable(tmp_path / "results")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rescalade.pipeline.preflight.MINIMUM_FREE_BYTES", 2**62)
    with pytest.raises(UserError, match="MB are free, at least"):
        check_writable(tmp_path / "results")


def test_a_large_experiment_on_a_small_disk_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**9))
    paths = Paths(tmp_path / "results", tmp_path / "report")
    warning = disk_warning(load_config([REPOSITORY / "config.yaml"], "paper"), paths)
    assert warning is not None and "are needed on the disk of the results, 1 GB are free" in warning
    assert disk_warning(load_config([REPOSITORY / "config.yaml"], "mini"), paths) is None
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=10**14))
    assert disk_warning(load_config([REPOSITORY / "config.yaml"], "paper"), paths) is None


def test_a_path_under_the_home_of_nobody_is_one_line() -> None:
    values = configuration()
    values["backbones"]["bert-small"] = {"source": "local", "path": "~no-such-user/model"}
    with pytest.raises(UserError, match="~ and no user's name") as caught:
        check_local_folders(build_config(values))
    assert "\n" not in str(caught.value)
