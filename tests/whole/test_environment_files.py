"""The files that describe the environment agree with one another."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import tomllib
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import extra_sizes
from rescalade.config import load_config
from support.graph import REPOSITORY

PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
CONDA = sorted((REPOSITORY / "envs").glob("*.yaml"))
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
REQUIREMENTS = [
    Requirement(text)
    for text in [
        *PROJECT["dependencies"],
        *(text for extra in EXTRAS.values() for text in extra if not text.startswith("rescalade[")),
    ]
]
INSTALLED = ("pipeline", "mini", "csplade")
"""Extras of `make setup`, beside that of the tests."""


def pins() -> dict[str, Version]:
    lines = (REPOSITORY / "envs" / "constraints.txt").read_text().splitlines()
    found = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9A-Za-z.]+", line) for line in found)
    return {canonicalize_name(name): Version(version) for name, version in (line.split("==") for line in found)}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_each_dependency_is_pinned_inside_its_range(requirement: Requirement) -> None:
    assert pins()[canonicalize_name(requirement.name)] in requirement.specifier


def test_versions_have_no_build_and_files_no_index() -> None:
    assert not any(version.local for version in pins().values())
    for path in [REPOSITORY / "pyproject.toml", *(REPOSITORY / "envs").iterdir()]:
        assert "index-url" not in path.read_text()


@pytest.mark.parametrize("path", CONDA, ids=lambda path: path.name)
def test_conda_agrees_with_the_constraints(path: Any) -> None:
    entries = yaml.safe_load(path.read_text())["dependencies"]
    lines = [line for entry in entries if isinstance(entry, dict) for line in entry["pip"]]
    found = {canonicalize_name(name): Version(version) for name, version in (line.split("==") for line in lines)}
    texts = [*PROJECT["dependencies"], *(text for name in INSTALLED for text in EXTRAS[name])]
    direct = {canonicalize_name(Requirement(text).name) for text in texts}
    assert found == {name: version for name, version in pins().items() if name in direct}
    python = next(entry for entry in entries if isinstance(entry, str) and entry.startswith("python "))
    assert Version(python.split("=")[1].strip()) >= Version(PROJECT["requires-python"].removeprefix(">="))


def test_a_plain_installation_brings_nothing_of_the_extra_pipeline_but_what_torch_needs() -> None:
    pipeline = {canonicalize_name(Requirement(text).name) for text in EXTRAS["pipeline"]}
    core = extra_sizes.brought(PROJECT["dependencies"])
    assert core & pipeline == {"jinja2"} and {"torch", "numpy", "tqdm"} <= core
    assert pipeline | {"lxml"} <= extra_sizes.brought(["rescalade[mini]"]) - (core - {"jinja2"})


def test_what_tells_people_how_to_install_names_the_same_extras() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    assert makefile.count(f"install,{'$(comma)'.join(['test', *INSTALLED])}") == 2  # the second with slurm
    told = [REPOSITORY / "envs" / "constraints.txt", REPOSITORY / "profiles" / "slurm" / "config.yaml"]
    told += [REPOSITORY / "workflow" / "rules" / "common.smk", *(REPOSITORY / "docs").glob("*.md")]
    named = {
        extra for path in told for extras in re.findall(r"-e ['\"]?\.(?:\[(.+?)\])?", path.read_text())
        for extra in extras.split(",")
    }  # fmt: skip
    assert "pipeline" in named and named <= EXTRAS.keys()


def test_the_extra_mini_is_what_the_shipped_texts_need_and_no_module_imports() -> None:
    owners = importlib.metadata.packages_distributions()
    model = load_config([REPOSITORY / "config.yaml"]).model
    named = {name for dataset in model.datasets.values() for name in getattr(dataset, "packages", ())} - {"stdlib"}
    needed = {canonicalize_name(owners[name][0]) for name in named}
    rest, *own = EXTRAS["mini"]
    assert rest == "rescalade[pipeline]"
    mini, direct = (
        {canonicalize_name(Requirement(text).name) for text in texts}
        for texts in (own, [*PROJECT["dependencies"], *EXTRAS["pipeline"]])
    )
    assert mini and mini == needed - direct
    imported = {
        name.partition(".")[0]
        for path in (REPOSITORY / "workflow" / "rescalade").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not mini & {canonicalize_name(owner) for name in imported for owner in owners.get(name, ())}


def test_the_default_profile_leaves_machines_alone() -> None:
    """It beats --profile key by key, so a number of cores there could not be changed by another profile."""
    default = yaml.safe_load((REPOSITORY / "profiles" / "default" / "config.yaml").read_text())
    assert not {"cores", "jobs", "resources", "executor", "default-resources", "set-resources"} & set(default)


def test_retries_stand_in_profiles_only() -> None:
    """A rule's own `retries:` multiplies inside a cluster job."""
    for path in [REPOSITORY / "Snakefile", *(REPOSITORY / "workflow" / "rules").glob("*.smk")]:
        assert "retries:" not in path.read_text()
