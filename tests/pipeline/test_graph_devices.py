"""GPUs in the graph: how many a call provides, and which a job gets."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

from support.graph import PLAIN, Pipeline

WANTING = {"backbone", "audit", "train", "encode"}


def calls(log: Path) -> dict[str, set[str]]:
    """Devices that each stage saw."""
    seen: dict[str, set[str]] = {}
    for line in log.read_text().splitlines():
        found = re.fullmatch(r"(\w+) .*devices=(\S*) start=.*", line)
        assert found is not None, line
        seen.setdefault(found[1], set()).add(found[2])
    return seen


def test_without_a_word_about_gpus_jobs_use_the_cpu(pipeline: Pipeline, tmp_path: Path) -> None:
    log = tmp_path / "calls"
    pipeline.run("--cores", "2", "--", "left", FAKE_LOG=str(log), RESCALADE_DEVICES="")
    seen = calls(log)
    assert all(seen[stage] == {""} for stage in WANTING)
    assert seen["score"] == {"unset"}


def test_the_documented_long_form(pipeline: Pipeline, tmp_path: Path) -> None:
    log, names = tmp_path / "calls", [f"{uuid.uuid4().hex}-{number}" for number in range(2)]
    pipeline.run("--cores", "4", "--resources=gpu=2", "report", FAKE_LOG=str(log), RESCALADE_DEVICES=",".join(names))
    seen = calls(log)
    for stage in WANTING:
        assert seen[stage] <= set(names)
        assert seen[stage]


def test_no_gpu_is_a_choice(pipeline: Pipeline, tmp_path: Path) -> None:
    log = tmp_path / "calls"
    pipeline.run("--cores", "2", "--resources=gpu=0", "--", "audit", FAKE_LOG=str(log), RESCALADE_DEVICES="a")
    assert calls(log)["audit"] == {""}


def test_more_gpus_than_there_are(pipeline: Pipeline) -> None:
    failed = pipeline.call("--cores", "1", "--resources=gpu=1", "--", "audit", RESCALADE_DEVICES="")
    assert failed.returncode == 1
    assert "1 GPU(s) asked for, none found" in failed.stderr


def test_the_profile_for_one_machine(pipeline: Pipeline) -> None:
    text = pipeline.run("-n", PLAIN, "--profile", str(pipeline.repository / "profiles" / "local-gpu"))
    assert "gpu=1" in text


def test_a_recipe_asks_for_several(pipeline: Pipeline, tmp_path: Path) -> None:
    """Two of the recipe, one of a backbone; what a run is does not change with it."""
    log, names = tmp_path / "calls", [f"{uuid.uuid4().hex}-{number}" for number in range(2)]
    overlay = pipeline.overlay("recipes: {quick: {devices: 2}}\nbackbones: {right: {devices: 1}}")
    options = ("--cores", "4", "--resources=gpu=2", "--configfile", overlay, "--", "report")
    text = pipeline.run("--printshellcmds", *options, FAKE_LOG=str(log), RESCALADE_DEVICES=",".join(names))
    commands = {
        word: line
        for line in text.splitlines()
        for word in ("left", "right")
        if f"rescalade train quick/{word}/" in line
    }
    assert "rescalade-device 2 -- " in commands["left"] and "--devices 2" in commands["left"]
    assert "rescalade-device 1 -- " in commands["right"] and "--devices" not in commands["right"]
    trained = [line for line in log.read_text().splitlines() if line.startswith("train quick/left")]
    assert len(trained) == 1 and set(re.findall(r"devices=(\S+)", trained[0])[0].split(",")) == set(names)
    assert pipeline.jobs() == {}, "the number of devices is no part of a run's meaning"


def test_without_gpus_it_is_so_many_processes(pipeline: Pipeline) -> None:
    overlay = pipeline.overlay("recipes: {quick: {devices: 2}}")
    text = pipeline.run("-n", "--printshellcmds", "--cores", "2", "--configfile", overlay)
    assert "CUDA_VISIBLE_DEVICES= rescalade train quick/left/k1/seed1" in text
    assert text.count("--devices 2") == 2
