"""Runs Snakemake on a copy of the pipeline whose stage commands are replaced by tests/fake/rescalade."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rescalade.pipeline.graph import STAGES
from support import snakemake_forks

REPOSITORY = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "config.yaml", "workflow", "profiles", "envs")
PLAIN = "--logger-rescalade-plain"
"""Option of a call whose text is to be Snakemake's own."""
OF_A_ROW = ("name", "command", "outputs", "folders", "caches")
SMALL = """
experiment: small
sources:
  pydoc: {kind: pydoc}
datasets:
  train: {source: pydoc, packages: [torch], part: train}
  test: {source: pydoc, packages: [torch], part: held-out}
backbones:
  left: {source: pretrain, head: small, pretrain: {family: bert, text: train}}
  right: {source: pretrain, head: large, twin: left, pretrain: {family: bert, text: train}}
recipes:
  quick: {train: {max_steps: 2}}
experiments:
  small:
    title: Small
    recipe: quick
    train_on: train
    in_domain: [test]
    seeds: [1]
    grid:
      - {backbones: [left, right], scales: [1]}
  twice:
    title: The same runs under another name
    recipe: quick
    train_on: train
    in_domain: [test]
    seeds: [1]
    grid:
      - {backbones: [left, right], scales: [1]}
"""


@dataclass(frozen=True)
class Pipeline:
    """A copy of the pipeline and a folder to run it in.

    repository: Snakefile, config.yaml, workflow, profiles. work: results, report and .snakemake come here.
    """

    repository: Path
    work: Path

    @classmethod
    def create(cls, folder: Path, config: str | None = SMALL) -> Pipeline:
        """Copy the pipeline; `config` replaces the shipped config.yaml unless None."""
        created = cls(folder / "repository", folder / "work")
        created.work.mkdir(parents=True)
        created.repository.mkdir()
        for part in PARTS:
            source = REPOSITORY / part
            if source.is_dir():
                shutil.copytree(source, created.repository / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, created.repository / part)
        if config is not None:
            (created.repository / "config.yaml").write_text(config)
        rows = [{name: getattr(row, name) for name in OF_A_ROW} for row in STAGES.values()]
        created.stages.write_text(json.dumps(rows, default=dict))
        return created

    @property
    def stages(self) -> Path:
        """What the fake commands know of the graph."""
        return self.repository.parent / "stages.json"

    def copy(self, folder: Path) -> Pipeline:
        """The same with its own files; times of files are kept."""
        shutil.copytree(self.repository.parent, folder, symlinks=True)
        return Pipeline(folder / "repository", folder / "work")

    def environment(self, **extra: str) -> dict[str, str]:
        """The fake commands first on PATH, and this copy's library first for Python."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SLURM_")}
        folders = [REPOSITORY / "tests" / "fake", Path(sys.executable).parent]
        environment["PATH"] = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
        environment["PYTHONPATH"] = str(self.repository / "workflow")
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        environment["FAKE_STAGES"] = str(self.stages)
        environment["RESCALADE_WARM"] = "off"  # the fake commands start in no time
        environment.pop("CUDA_VISIBLE_DEVICES", None)
        return environment | extra

    def arguments(self, *arguments: str) -> list[str]:
        """Arguments of a Snakemake call."""
        return ["-s", str(self.repository / "Snakefile"), *arguments]

    def command(self, *arguments: str) -> list[str]:
        """A Snakemake call as a command of its own, for tests of what the process does."""
        return [sys.executable, "-m", "snakemake", *self.arguments(*arguments)]

    def call(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake and return, whatever its exit status."""
        return snakemake_forks.call(self.arguments(*arguments), self.work, self.environment(**environment))

    def run(self, *arguments: str, **environment: str) -> str:
        """Run Snakemake, expect success and return what it wrote."""
        done = self.call(*arguments, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def jobs(self, *arguments: str) -> Counter[str]:
        """Number of jobs of each rule that a call would run."""
        return job_counts(self.run("-n", "--quiet", "rules", "--cores", "2", *arguments))

    def overlay(self, text: str) -> str:
        """Write a second configuration file and return the options that add it."""
        path = self.work / "overlay.yaml"
        path.write_text(text)
        return str(path)


def job_counts(text: str) -> Counter[str]:
    """The table of jobs in the output of a dry run; empty where there is nothing to be done."""
    if "Nothing to be done" in text:
        return Counter()
    table = re.search(r"^Job stats:\n.*?\n-.*?\n(.*?)^total ", text, flags=re.DOTALL | re.MULTILINE)
    assert table is not None, text
    return Counter({name: int(count) for name, count in (line.split() for line in table[1].splitlines())})
