"""Jobs work by the configuration as it stood when their graph was built."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rescalade.config import Config, build_config, load_config
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.jobs import make_jobs
from rescalade.pipeline.snapshot import read_snapshot, snapshot_path, write_snapshot
from rescalade.pipeline.stage_row import as_json
from support.commands import call
from support.graph import REPOSITORY, SMALL, Pipeline

EDIT = "recipes: {quick: {train: {max_steps: 3}}}"


def settings_of_all(config: Config) -> dict[str, str]:
    jobs = make_jobs(config, Paths()).values()
    return {"/".join(job.key): as_json(job.settings) for job in jobs if job.settings is not None}


@pytest.mark.parametrize("experiment", ["mini", "paper"])
def test_it_says_what_the_files_said(tmp_path: Path, experiment: str) -> None:
    config = load_config([REPOSITORY / "config.yaml"], experiment)
    path = write_snapshot(config, Paths(tmp_path))
    assert settings_of_all(read_snapshot(path, experiment)) == settings_of_all(config)


def test_it_is_named_by_what_it_says(tmp_path: Path) -> None:
    paths, values = Paths(tmp_path), yaml.safe_load(SMALL)
    first = write_snapshot(build_config(values), paths)
    assert write_snapshot(build_config(values), paths) == first
    values["recipes"]["quick"]["train"]["max_steps"] = 3
    assert snapshot_path(build_config(values), paths) != first


def test_an_edit_while_jobs_wait_changes_none_of_them(made: Pipeline) -> None:
    """A job on a cluster builds its graph anew, long after the call: it is given the snapshot and not the files."""
    snapshots = list((made.work / "results" / ".config").glob("*.yaml"))
    assert len(snapshots) == 1
    config = made.repository / "config.yaml"
    config.write_text(config.read_text().replace("max_steps: 2", "max_steps: 3"))
    assert made.jobs()["train"] == 2
    assert made.jobs("--config", f"snapshot={snapshots[0]}", "experiment=small") == {}


def test_every_command_is_given_it(pipeline: Pipeline, tmp_path: Path) -> None:
    listed = pipeline.call("-n", "--printshellcmds", "--cores", "1").stdout
    commands = [line for line in listed.splitlines() if " --threads " in line]
    assert len(commands) == sum(pipeline.jobs().values()) - 1
    assert all("--snapshot results/.config/" in line and "--config " not in line for line in commands)


def test_a_stage_reads_it_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_snapshot(build_config(yaml.safe_load(SMALL)), Paths())
    status, lines = call(capsys, "triples", "train", "--recipe", "quick", "--snapshot", str(path))
    assert (status, len(lines)) == (2, 1) and "config.yaml" not in lines[0] and "data/train" in lines[0]


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.unlink(), "No such file or directory; call Snakemake again"),
        (lambda path: path.write_text("a: 1\n"), "is no snapshot of a configuration"),
        (lambda path: path.write_text(path.read_text().replace("max_steps: 2", "max_steps: 3")), "was edited"),
        (lambda path: path.write_text(path.read_text() + "a: [\n"), "is damaged; delete it"),
    ],
)
def test_what_is_wrong_with_it_is_one_line(tmp_path: Path, harm: object, words: str) -> None:
    path = write_snapshot(build_config(yaml.safe_load(SMALL)), Paths(tmp_path))
    assert callable(harm)
    harm(path)
    with pytest.raises(UserError, match=words) as error:
        read_snapshot(path)
    assert "\n" not in str(error.value)


def test_a_deleted_one_ends_a_call(pipeline: Pipeline) -> None:
    done = pipeline.call("-n", "--cores", "1", "--config", "snapshot=results/.config/0.yaml")
    assert done.returncode == 2
    assert "call Snakemake again" in done.stderr
