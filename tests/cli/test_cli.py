"""The command line: one line and status 2 for mistakes, and nothing half-made left behind."""

from __future__ import annotations

import errno
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rescalade.atomic import atomic_file, atomic_folder
from rescalade.data.pydoc.pair_file import PackageCounts, Pair
from support.commands import call, run
from support.shipped import shipped


@pytest.fixture
def tiny_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration over two small packages with models of seconds; the working directory is empty."""
    values = shipped()
    for dataset in values["datasets"].values():
        if dataset["source"] == "pydoc":  # all of them: the stage `source` reads the packages of every data set
            dataset["packages"] = ["jinja2", "rich"]
    for name in ("pydoc-train", "pydoc"):
        values["datasets"][name]["part"] = "all"
    for backbone in values["backbones"].values():
        if "pretrain" in backbone:
            backbone["pretrain"].update(
                vocabulary=300, steps=3, batch_size=4, width=16, feed_forward=32, heads=2, layers=2
            )
    values["recipes"]["mini"]["train"].update(max_steps=3, batch_size=4)
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    monkeypatch.chdir(tmp_path)
    return path


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["backbone", "bert-smal"], "did you mean 'bert-small'?"),
        (["collection", "pydok"], "unknown data set 'pydok'"),
        (["train", "mini/bert-small/k4"], "expected RECIPE/BACKBONE/VARIANT/seedN"),
        (["train", "other/bert-small/k1/seed1"], "trains by 'mini'"),
        (["rescale", "bert-small", "--variant", "k0"], "above 0"),
        (["rescale", "bert-small", "--variant", "16"], "expected a form like"),
        (["triples", "pydoc-train", "--recipe", "minni"], "unknown recipe"),
        (["source", "pydoc", "--config", "missing.yaml"], "missing.yaml"),
        (["source", "pydoc", "--experiment", "nothing"], "unknown experiment"),
        (["collection", "pydoc"], "run the stage that makes it first"),
        (["search", "mini/bert-small/k1/seed1", "some words"], "to ask a question, say where: --dataset NAME"),
        (
            ["step0", "bert-small", "--variant", "k1", "--experiment", "ready-models"],
            "trains nothing and has no recipe",
        ),
        (["rescale", "bert-small", "--variant", "k1-offset2", "--experiment", "ready-models"], "trains nothing"),
        (["audit", "bert-small", "--experiment", "ready-models"], "trains nothing and has no recipe"),
        (["audit", "bert-small", "--device", "tpu"], "expected cpu, cuda or auto"),
    ],
)
def test_a_mistake_is_one_line_and_status_2(
    arguments: list[str], part: str, tiny_config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, lines = call(capsys, *arguments)
    assert status == 2
    assert len(lines) == 1 and lines[0].startswith("rescalade: error: ")
    assert part in lines[0]


def test_no_gpu_is_one_line_and_status_2(tiny_config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    run("source", "pydoc")
    run("collection", "pydoc-train")
    status, lines = call(capsys, "backbone", "bert-small", "--device", "cuda")
    assert status == 2 and "no CUDA device" in lines[-1]
    assert not Path("results/backbones/bert-small").exists()


def test_a_corrupted_intermediate_is_named_and_the_next_call_goes_on(
    tiny_config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("source", "pydoc")
    pairs = Path("results/sources/pydoc/pairs.parquet")
    whole = pairs.read_bytes()
    pairs.write_bytes(whole[: len(whole) // 2])
    status, lines = call(capsys, "collection", "pydoc")
    assert status == 2 and "pairs.parquet: sha256" in lines[-1]
    assert "damaged: delete results/sources/pydoc and run again" in lines[-1]
    run("source", "pydoc")
    assert pairs.read_bytes() == whole
    run("collection", "pydoc")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": ...}, "schema_version: expected 1, found none: an older version of rescalade wrote it"),
        ({"packages": ...}, "packages: expected this key, found none"),
        ({"packages": {"jinja2": 3}}, "packages.jinja2: expected .+, found 3"),
        ({"pairs": "many"}, "pairs: expected a valid integer, found 'many'"),
        ({"sha256": {}}, "sha256 lacks pairs.parquet"),
        ({"packages": {}}, "was made without package jinja2; make the source again"),
    ],
)
def test_a_source_s_manifest_is_read_whole_or_refused_in_one_line(
    tiny_config: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Any],
    said: str,
) -> None:
    pair = Pair("jinja2/f", "jinja2", "jinja2.f", "query", "document", 0.5)
    counts = PackageCounts(version="1", files_read=1, files_skipped=0, docstrings=1, dropped={}, kept=1)
    monkeypatch.setattr(
        "rescalade.data.pydoc.extraction.extract", lambda *_, **__: ([pair], {"jinja2": counts, "rich": counts})
    )
    run("source", "pydoc")
    path = Path("results/sources/pydoc/manifest.json")
    values = json.loads(path.read_text()) | change
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not ...}))
    status, lines = call(capsys, "collection", "pydoc")
    assert status == 2 and len(lines) == 1 and re.search(said, lines[0])
    assert not Path("results/data/pydoc").exists()


def test_a_full_disk_is_one_line_and_leaves_nothing(
    tiny_config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("source", "pydoc")

    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "corpus.parquet")

    monkeypatch.setattr("rescalade.data.writer.pq.ParquetWriter", full)
    status, lines = call(capsys, "collection", "pydoc")
    assert status == 2 and "No space left on device" in lines[-1]
    assert not list(Path("results/data/pydoc").iterdir())


def test_an_interrupt_has_its_own_status(
    tiny_config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rescalade.data.pydoc.extraction.extract", interrupt)
    status, lines = call(capsys, "source", "pydoc")
    assert status == 130 and "run the same command to go on" in lines[-1]
    assert not Path("results/sources/pydoc").exists()


def test_atomic_outputs_are_whole_or_absent(tmp_path: Path) -> None:
    target, folder = tmp_path / "file", tmp_path / "folder"
    target.write_text("old")

    def half_a_file() -> None:
        with atomic_file(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    def half_a_folder() -> None:
        with atomic_folder(folder) as inside:
            (inside / "x").write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half_a_file()
    assert target.read_text() == "old"
    with pytest.raises(RuntimeError):
        half_a_folder()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    with atomic_folder(folder) as inside:
        (inside / "x").write_text("whole")
    assert (folder / "x").read_text() == "whole"


def test_every_command_has_help() -> None:
    from rescalade.pipeline.graph import STAGES

    whole = subprocess.run([sys.executable, "-m", "rescalade", "--help"], capture_output=True, text=True, check=True)
    for stage in STAGES.values():
        assert f" {stage.kind} " in whole.stdout
    one = subprocess.run(
        [sys.executable, "-m", "rescalade", "train", "--help"], capture_output=True, text=True, check=True
    )
    for option in ("--config", "--experiment", "--results", "--threads", "--device"):
        assert option in one.stdout


AUTOMATIC = "kauto-width-multiplier-bias"


@pytest.mark.slow
def test_every_stage_runs_alone_from_data_to_page(tiny_config: Path) -> None:
    values = yaml.safe_load(tiny_config.read_text())
    values["experiments"]["mini"].update(
        seeds=[1],
        grid=[
            {"backbones": ["bert-large"], "scales": [1, 16]},
            {"backbones": ["bert-small"], "scales": ["auto"], "rule": "width", "modes": ["multiplier"], "bias": True},
        ],
    )
    tiny_config.write_text(yaml.safe_dump(values, sort_keys=False))
    run("source", "pydoc")
    for dataset in ("pydoc-train", "pydoc", "pydoc-ood"):
        run("collection", dataset)
    run("triples", "pydoc-train", "--recipe", "mini")
    for backbone in ("bert-small", "bert-large"):
        run("backbone", backbone)
        run("audit", backbone)
    for name, variant in (("bert-large", "k1"), ("bert-large", "k16"), ("bert-small", AUTOMATIC)):
        run("rescale", name, "--variant", variant)
        folder = f"mini/{name}/{variant}/seed1"
        run("train", folder)
        for dataset in ("pydoc", "pydoc-ood"):
            for stage in ("encode", "index", "search", "score"):
                run(stage, folder, dataset)
    for dataset in ("pydoc", "pydoc-ood"):
        run("bm25", dataset)
        run("score", "bm25", dataset)
    for stage in ("tables", "figures", "report", "claims"):
        run(stage)
    page = Path("report/mini/index.html").read_text()
    assert "inflated x12" in page
    assert "auto: width" in page
    width = json.loads(Path("results/audit/mini/bert-small.json").read_text())["width"]
    outcome = json.loads(Path(f"results/runs/mini/bert-small/{AUTOMATIC}/seed1/outcome.json").read_text())
    assert outcome["scale"] == 2 ** round(math.log2(width**0.25)) > 1
    assert not list(Path("results/.checkpoints").glob("*"))
    leftovers = [path for path in Path("results").rglob(".*") if path.name not in (".checkpoints", ".costs")]
    assert not leftovers
