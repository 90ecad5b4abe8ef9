"""Every Snakemake command that the documents print can be run."""

from __future__ import annotations

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from support.graph import REPOSITORY, Pipeline

DOCUMENTS = [
    REPOSITORY / "README.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
    REPOSITORY / "profiles" / "README.md",
]
WANT_RESULTS = ("--report", "--touch")


def commands(path: Path) -> list[str]:
    """Lines of code blocks, and code inside sentences, that begin with snakemake."""
    text = path.read_text() if path.exists() else ""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))
    found = [line.split("  #")[0].strip() for line in lines if re.match(r"(\.venv/bin/)?snakemake ", line)]
    return [line for line in found if not any(word in line for word in (*WANT_RESULTS, "…", "..."))]


ALL = sorted({command for path in DOCUMENTS for command in commands(path)})


def test_commands_are_found() -> None:
    assert "snakemake --cores 8 --resources=gpu=2 report" in ALL


FEW_RUNS = """
experiments:
  mini: {seeds: [1], grid: [{backbones: [bert-small], scales: [4]}]}
  boolq: {seeds: [1], grid: [{backbones: [bert-boolq], scales: [4]}]}
  paper: {grid: [{backbones: [bert-base], scales: [4]}]}
"""
"""Whether a command can be run depends on options, names and targets; hundreds of shipped jobs only take time."""


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The shipped configuration but for its many runs, in the top folder of a repository; dry runs leave nothing."""
    created = Pipeline.create(tmp_path_factory.mktemp("shipped") / "pipeline", config=None)
    config = created.repository / "config.yaml"
    values = yaml.safe_load(config.read_text())
    assert "experiments" not in values
    config.write_text(f"{config.read_text()}\n{FEW_RUNS}")
    (created.repository / "mine.yaml").write_text("retrieval: {batch_tokens: 2048}\n")
    return Pipeline(created.repository, created.repository)


@pytest.mark.slow
@pytest.mark.parametrize("command", ALL)
def test_command(command: str, shipped: Pipeline) -> None:
    """As printed, from the top folder of the repository, as a dry run."""
    if "profiles/slurm" in command and find_spec("snakemake_executor_plugin_slurm") is None:
        pytest.skip("the executor plugin for Slurm is not installed")
    # before the command's own words: a list such as that of --config would take what comes after it
    dry = ["-n", "--quiet", "rules", *(["--cores", "1"] if "--unlock" not in command else [])]
    done = shipped.call(*dry, *shlex.split(command)[1:])
    assert done.returncode == 0, done.stdout + done.stderr
