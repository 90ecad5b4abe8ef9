"""A built wheel, installed apart from the repository, has everything that the library and the command need."""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.graph import REPOSITORY
from support.sparse_encoders import checkpoint

SCRIPT = """
import sys
import rescalade
assert rescalade.__file__.startswith(sys.argv[1]), rescalade.__file__
index = rescalade.SparseIndex.build([{1: 2.0}, {0: 1.0, 1: 1.0}], ["a", "b"], vocabulary=2)
index.save("index")
assert rescalade.SparseIndex.load("index").search({1: 1.0})[0].ids == ["a", "b"]
assert "torch" not in sys.modules
model = rescalade.sparse_encoder("bert", max_length=16, device="cpu")
index = rescalade.SparseIndex.build(model.encode_document(["a list", "a copy of the keys"]))
assert len(index) == 2 and len(index.search(model.encode_query(["a list"]), k=1)[0]) == 1
model.save_pretrained("splade")
rescalade.rescale(model, 2, mode="folded", bias=True)
assert rescalade.audit("bert").predicted["width"].power == 2
"""


@pytest.mark.slow
def test_an_installed_wheel_runs_without_the_repository(tmp_path: Path) -> None:
    """Installed without its dependencies, which are this environment's; that all are declared, the next test says."""
    if not all(map(importlib.util.find_spec, ("pip", "setuptools"))):
        pytest.skip("pip and setuptools build the wheel, and one of them is not installed")
    source = tmp_path / "source"  # building writes into its folder
    shutil.copytree(
        REPOSITORY / "workflow", source / "workflow", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    wheels, site, empty = tmp_path / "wheels", tmp_path / "site", tmp_path / "empty"
    run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(wheels), str(source)],
        tmp_path,
    )
    run([*pip, "install", "--no-deps", "--no-index", "--target", str(site), *map(str, wheels.iterdir())], tmp_path)
    empty.mkdir()
    checkpoint(empty / "bert")
    run([sys.executable, "-c", SCRIPT, str(site)], empty, site)
    assert "paper" in run([sys.executable, "-m", "rescalade", "list", "experiments"], empty, site)
    assert (site / "rescalade" / "py.typed").is_file()


def run(command: list[str], folder: Path, site: Path | None = None) -> str:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": "" if site is None else str(site)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


COMES_WITH = {
    "llvmlite": "numba",
    "markupsafe": "jinja2",
    "pydantic_core": "pydantic",
    "snakemake_interface_logger_plugins": "snakemake",
}
"""Packages that are imported and not declared, by what cannot be installed without them."""


def test_every_package_that_is_imported_is_declared() -> None:
    project: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = [text for extra in project["optional-dependencies"].values() for text in extra]
    declared = {canonicalize_name(Requirement(text).name) for text in [*project["dependencies"], *extras]}
    made_by, found = packages_distributions(), set[str]()
    for path in (REPOSITORY / "workflow").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(str(node.module).partition(".")[0])
    own = {"rescalade", "snakemake_logger_plugin_rescalade"}
    others = {name for name in found - own if name not in sys.stdlib_module_names}
    assert {"torch", "numba", "snakemake"} <= others
    undeclared = {name for name in others if declared.isdisjoint(map(canonicalize_name, made_by.get(name, [name])))}
    assert undeclared == COMES_WITH.keys()
