"""The plan's jobs are Snakemake's, and what is whole is not planned again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from rescalade.atomic import write_json
from rescalade.config import Config, load_config
from rescalade.config.load import build_config
from rescalade.paths import Paths
from rescalade.pipeline.job_code import job_code
from rescalade.pipeline.jobs import Job, Key, make_jobs
from rescalade.pipeline.plan.todo import jobs_to_do
from rescalade.pipeline.stage_row import as_json
from support.commands import call
from support.graph import REPOSITORY, SMALL, Pipeline


def planned(config: Config, work: Path) -> Counter[str]:
    jobs = make_jobs(config, Paths(work / "results", work / "report"))
    return Counter(jobs[key].rule for key in jobs_to_do(jobs))


@pytest.mark.slow
def test_as_many_jobs_as_snakemake_for_the_shipped_experiment(tmp_path: Path) -> None:
    shipped = Pipeline.create(tmp_path / "pipeline", config=None)
    config = load_config([shipped.repository / "config.yaml"])
    assert planned(config, shipped.work) == shipped.jobs()


@pytest.mark.slow
def test_as_many_jobs_as_snakemake_along_the_way(pipeline: Pipeline) -> None:
    """Half of it is made and its vectors are deleted; the rest has shards, a scale by rule and an inflated backbone."""
    overlay = pipeline.overlay(
        "datasets: {test: {documents: 25}}\nretrieval: {shard_documents: 10, shard_jobs: true}\n"
        "backbones: {right: {source: inflate, of: left, factor: 8.0, pretrain: null}}\n"
        "experiments: {small: {grid: [{backbones: [left, right], scales: [1, auto]}]}}"
    )
    config = load_config([pipeline.repository / "config.yaml", Path(overlay)])
    assert planned(config, pipeline.work) == pipeline.jobs("--configfile", overlay)
    make_outputs(
        make_jobs(config, Paths(pipeline.work / "results", pipeline.work / "report")),
        without=("right", "tables", "figures", "index_page"),
    )
    for folder in (pipeline.work / "results" / "runs" / "quick" / "left").glob("*/seed1/vectors"):
        shutil.rmtree(folder)
    half = planned(config, pipeline.work)
    assert half == pipeline.jobs("--configfile", overlay)
    assert (half["train"], half["rescale_by_rule"], half["encode_shard"]) == (2, 1, 9)
    (pipeline.work / "results" / "runs" / "quick" / "left" / "k1" / "seed1" / "scores" / "test.json").unlink()
    lost = planned(config, pipeline.work)
    assert lost == pipeline.jobs("--configfile", overlay)
    assert (lost["train"], lost["encode_shard"]) == (2, 12)


def make_outputs(jobs: dict[Key, Job], without: tuple[str, ...] = ()) -> None:
    """Empty outputs and records as the stages would leave them, each newer than the one before.

    without: words of the jobs that are left out.
    """
    for age, (key, job) in enumerate(jobs.items()):
        if key[0] == "encode_shard" or any(word in part for word in without for part in key):
            continue
        for output in job.outputs.values():
            output.parent.mkdir(parents=True, exist_ok=True)
            if output.suffix:
                output.touch()
            else:
                output.mkdir(exist_ok=True)
        if job.record is not None:
            write_json(job.record, {"stage": "fake"})
        for path in [*job.outputs.values(), *filter(None, [job.record])]:
            os.utime(path, (1_700_000_000 + age,) * 2)


@pytest.fixture
def finished(tmp_path: Path) -> tuple[Config, dict[Key, Job]]:
    """The small experiment with every output and record in place, as its stages would leave them."""
    config = build_config(yaml.safe_load(SMALL))
    jobs = make_jobs(config, Paths(tmp_path / "results", tmp_path / "report"))
    make_outputs(jobs)
    for job in jobs.values():
        if job.record is not None and job.settings is not None:
            code = job_code(config, job.rule, job.names)
            write_json(job.record, {"settings": json.loads(as_json(job.settings)), "code": code})
    return config, jobs


END = ["all", "figures/small", "page/small/left", "index_page/small", "tables/small"]


def first(job: Job) -> Path:
    """Its first output."""
    return next(iter(job.outputs.values()))


def left(config: Config, jobs: dict[Key, Job]) -> list[str]:
    return sorted("/".join(key) for key in jobs_to_do(jobs))


def test_nothing_is_left_of_a_finished_experiment(finished: tuple[Config, dict[Key, Job]]) -> None:
    assert left(*finished) == []


def test_every_result_that_is_shown_is_asked_for_when_it_is_lost_alone(
    finished: tuple[Config, dict[Key, Job]],
) -> None:
    """The index page stands and names them all."""
    config, jobs = finished
    shown = ("audit_backbone", "step0_loss", "score", "score_bm25", "score_random", "page", "tables", "figures")
    for key in [key for key in jobs if key[0] in shown] + [("train", "quick/left/k1/seed1")]:
        for name in [name for name in jobs[key].outputs if name not in ("model", "record")]:
            lost = jobs[key].outputs[name]
            lost.rename(lost.with_name("aside"))
            assert "/".join(key) in left(config, jobs), (key, name)
            lost.with_name("aside").rename(lost)
    assert left(config, jobs) == []


def test_deleted_vectors_and_models_are_not_asked_for(finished: tuple[Config, dict[Key, Job]]) -> None:
    config, jobs = finished
    for rule in ("encode", "index", "rescale"):
        for key in jobs:
            if key[0] == rule:
                shutil.rmtree(first(jobs[key]))
    shutil.rmtree(jobs["train", "quick/left/k1/seed1"].outputs["model"])
    assert left(config, jobs) == []


@pytest.mark.parametrize("change", [{"settings": {}}, {"code": "0"}])
def test_other_settings_or_code_reach_all_that_stands_on_them(
    change: dict[str, object], finished: tuple[Config, dict[Key, Job]]
) -> None:
    """Only what comes after one backbone's division, and what shows everything."""
    config, jobs = finished
    record = jobs["rescale", "left", "k1"].record
    assert record is not None
    write_json(record, {**json.loads(record.read_text()), **change})
    models = ("quick/left/k1/seed1", "quick/left/k1/untrained")
    again = [f"{stage}/{model}/test" for stage in ("encode", "index", "score", "search") for model in models]
    changed = ["rescale/left/k1", "step0_loss/left/k1/quick", f"train/{models[0]}"]
    assert left(config, jobs) == sorted([*END, *changed, *again])


def test_a_lost_score_needs_what_it_is_made_of_again(finished: tuple[Config, dict[Key, Job]]) -> None:
    config, jobs = finished
    run = "quick/left/k1/seed1"
    first(jobs["score", run, "test"]).unlink()
    for shown_missing in ("figures", "tables", "index_page", "page"):
        for key in jobs:
            if key[0] == shown_missing and (shown_missing != "page" or key[2] == "left"):
                output = first(jobs[key])
                shutil.rmtree(output) if output.is_dir() else output.unlink()
    assert left(config, jobs) == sorted([f"score/{run}/test", *END])
    shutil.rmtree(first(jobs["encode", run, "test"]))
    again = [f"{stage}/{run}/test" for stage in ("encode", "index", "score", "search")]
    assert left(config, jobs) == sorted([*again, *END])


def test_the_command_makes_nothing_and_loads_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys; from rescalade.cli.main import main\n"
        "try: main()\n"
        "finally: print('torch' in sys.modules, 'ir_datasets' in sys.modules)"
    )
    config = str(REPOSITORY / "config.yaml")
    done = subprocess.run(
        [sys.executable, "-c", program, "plan", "mini", "--config", config],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False False"
    assert "Plan of mini" in done.stdout and "not in the sums: size of pydoc-ood" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_small_disk_fails_the_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ("plan", "mini", "--config", str(REPOSITORY / "config.yaml"))
    assert call(capsys, *arguments, "--check", "--json", "plan.json") == (0, [])
    found = json.loads((tmp_path / "plan.json").read_text())
    assert found["fits"] and found["experiment"] == "mini" and found["jobs"] == found["todo"]
    huge = ("--active-terms", "1e12")
    assert call(capsys, *arguments, *huge) == (0, [])
    status, lines = call(capsys, *arguments, *huge, "--check")
    assert status == 2 and len(lines) == 1
    assert "the largest part is index" in lines[0] and "are free" in lines[0]


def test_an_experiment_that_does_not_exist(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, lines = call(capsys, "plan", "minni", "--config", str(REPOSITORY / "config.yaml"))
    assert (status, len(lines)) == (2, 1) and "did you mean 'mini'?" in lines[0]
