"""A built wheel in an empty environment: its dependencies are enough, and what an extra brings is asked for."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from rescalade.cli.failures import PIPELINE, needed
from support.graph import REPOSITORY
from support.sparse_encoders import checkpoint
from support.texts import TEXTS

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
HEAVY = ("snakemake", "ir_datasets", "matplotlib", "seaborn", "statsmodels", "peft", "torchao")
"""Of the extras; packages that come with torch, like jinja2, are not among them."""


def called(command: list[str], folder: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    """A program that knows nothing of the repository, of the network or of this process's settings of Python."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=folder, env={**kept, "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, f"{command}\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}"
    return done


@pytest.fixture
def empty() -> Iterator[Path]:
    """A folder that is not kept afterwards, unlike pytest's own: the environment in it takes 2 GB."""
    with tempfile.TemporaryDirectory(prefix="rescalade-wheel-") as folder:
        yield Path(folder)


@pytest.mark.wheel
@pytest.mark.slow
def test_a_wheel_in_an_empty_environment_runs_the_library_and_the_commands(empty: Path) -> None:
    source, wheels, work = empty / "source", empty / "wheels", empty / "work"  # building writes into its folder
    shutil.copytree(
        REPOSITORY / "workflow", source / "workflow", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    called([*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(source)], empty)
    venv.create(empty / "venv", symlinks=True)
    binaries = empty / "venv" / "bin"
    python, rescalade = str(binaries / "python"), str(binaries / "rescalade")
    constraints = str(REPOSITORY / "envs" / "constraints.txt")
    into = [*PIP, "--python", python, "install", "--no-compile", "-c", constraints]
    called([*into, *map(str, wheels.iterdir())], empty)
    work.mkdir()
    found = "import importlib.util, rescalade; print(rescalade.__file__)\n"
    found += f"print([name for name in {HEAVY} if importlib.util.find_spec(name)])"
    place, heavy = called([python, "-c", found], work).stdout.splitlines()
    assert place.startswith(str(empty / "venv")) and heavy == "[]"
    assert (Path(place).parent / "py.typed").is_file()

    checkpoint(work / "my-bert")
    page = str(REPOSITORY / "docs" / "library.md")
    called([python, "-m", "doctest", "-o", "NORMALIZE_WHITESPACE", page], work)
    assert "audit" in called([rescalade, "--help"], work).stdout
    assert "paper" in called([rescalade, "list", "experiments"], work).stdout

    (work / "texts.tsv").write_text("".join(f"d{number}\t{text}\n" for number, text in enumerate(TEXTS[:6])))
    (work / "questions.tsv").write_text("".join(f"q{number}\t{TEXTS[number]}\n" for number in range(3)))
    (work / "qrels.tsv").write_text("".join(f"q{number}\td{number}\t1\n" for number in range(3)))
    assert "k by rule" in called([rescalade, "audit", "my-bert"], work).stdout
    called([rescalade, "rescale", "my-bert", "--k", "2", "--out", "divided"], work)
    texts = ["--texts", "texts.tsv", "--queries", "questions.tsv"]
    called([rescalade, "encode", "divided", *texts, "--out", "vectors"], work)
    index = ["--vectors", "vectors", "--index", "searched"]
    called([rescalade, "search", "divided", "questions.tsv", *index, "--out", "run.trec"], work)
    scored = called([rescalade, "score", "run.trec", "--qrels", "qrels.tsv", "--json"], work)
    assert json.loads(scored.stdout)["measures"]["MRR@10"] > 0.3
    called([rescalade, "export", "vectors", "--format", "ciff", "--out", "exported"], work)
    own = work / "own"
    (own / "qrels").mkdir(parents=True)
    for name, lines in (("corpus", TEXTS[:6]), ("queries", TEXTS[:3])):
        rows = [{"_id": f"{name[0]}{number}", "text": text} for number, text in enumerate(lines)]
        (own / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    judged = "".join(f"q{number}\tc{number}\t1\n" for number in range(3))
    (own / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    words = ["evaluate", "my-bert", "--trained", "--datasets", "own"]
    assert "Systems side by side" in called([rescalade, *words], work).stdout

    (work / "config.yaml").write_text("experiment: mini\n")
    for missing, package in (
        (["audit", "my-bert", "--out", "page"], "matplotlib"),
        ([*words, "--page"], "matplotlib"),
        (["collection", "nfcorpus"], "ir_datasets"),
    ):
        assert called([rescalade, *missing], work, 2).stderr == f"rescalade: error: {needed(package)}\n"


COMES_WITH = {
    "llvmlite": "numba",
    "markupsafe": "jinja2",
    "pydantic_core": "pydantic",
    "snakemake_interface_logger_plugins": "snakemake",
}
"""Packages that are imported and not declared, by what cannot be installed without them."""


PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def imported() -> dict[str, set[str]]:
    """Other packages by the names of their imports, and the parts of this one that import them."""
    found: dict[str, set[str]] = {}
    for path in (REPOSITORY / "workflow").rglob("*.py"):
        part = ".".join(path.relative_to(REPOSITORY / "workflow").parent.parts)
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [str(node.module)]
            for name in names:
                found.setdefault(name.partition(".")[0], set()).add(part)
    return {name: parts for name, parts in found.items() if name not in sys.stdlib_module_names}


def test_what_the_extra_pipeline_brings_is_imported_where_its_absence_is_said() -> None:
    """Elsewhere an import of it would break what has to run without."""
    brings = {canonicalize_name(Requirement(text).name) for text in PROJECT["optional-dependencies"]["pipeline"]}
    parts = {name: found for name, found in imported().items() if canonicalize_name(name) in brings}
    assert parts == {
        "ir_datasets": {"rescalade.data.sources"},
        "jinja2": {"rescalade.report.pages"},
        "matplotlib": {"rescalade.report.figures"},
        "snakemake": {"rescalade.terminal"},
        "statsmodels": {"rescalade.report.results"},
    }
    assert parts.keys() == set(PIPELINE)


def test_every_package_that_is_imported_is_declared() -> None:
    extras = [text for extra in PROJECT["optional-dependencies"].values() for text in extra]
    declared = {canonicalize_name(Requirement(text).name) for text in [*PROJECT["dependencies"], *extras]}
    made_by = packages_distributions()
    others = imported().keys() - {"rescalade", "snakemake_logger_plugin_rescalade"}
    assert {"torch", "numba", "snakemake"} <= others
    undeclared = {name for name in others if declared.isdisjoint(map(canonicalize_name, made_by.get(name, [name])))}
    assert undeclared == COMES_WITH.keys()
