"""The command that a page shows makes the same experiment by the same files."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from rescalade.config import Config, build_config
from rescalade.paths import Paths
from rescalade.pipeline.command import call_again
from rescalade.pipeline.snapshot import read_snapshot, write_snapshot
from support.graph import SMALL, Pipeline


def read_from(*files: str | Path) -> Config:
    return replace(build_config(yaml.safe_load(SMALL)), files=tuple(map(Path, files)))


def test_files_are_named_where_snakemake_does_not_take_them_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    checkout = tmp_path.parent / f"{tmp_path.name} it's a checkout"
    checkout.mkdir()
    (checkout / "Snakefile").touch()
    (tmp_path / "Snakefile").touch()
    end = "--config experiment=small -- report"
    for files, shown in (
        ((), f"snakemake --cores 2 {end}"),
        (("config.yaml",), f"snakemake --cores 2 {end}"),
        ((tmp_path / "config.yaml", "a b.yaml"), f"snakemake --cores 2 --configfile 'a b.yaml' {end}"),
        (("mine.yaml",), f"snakemake --cores 2 --replace-workflow-config --configfile mine.yaml {end}"),
        ((checkout / "config.yaml",), f"snakemake --cores 2 -s {shlex.quote(str(checkout / 'Snakefile'))} {end}"),
    ):
        assert call_again(read_from(*files)) == shown
        snapshot = write_snapshot(read_from(*files), Paths(tmp_path))  # jobs read no file but this
        assert call_again(read_snapshot(snapshot)) == shown


def test_an_experiment_of_an_added_file_is_found_again(made: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    small = yaml.safe_load(SMALL)["experiments"]["small"]
    overlay = made.overlay(yaml.safe_dump({"experiments": {"more": {**small, "title": "More"}}}))
    monkeypatch.chdir(made.work)
    config = replace(read_from(made.repository / "config.yaml", overlay), name="more")
    words = shlex.split(call_again(config))
    assert words[1:3] == ["--cores", "2"] and "overlay.yaml" in words
    done = made.call("-n", "--quiet", "rules", *words[words.index("--configfile") :])
    assert done.returncode == 0, done.stderr
