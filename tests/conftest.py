"""Hooks for all tests."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from support.graph import Pipeline
from support.sources import ir_home  # noqa: F401  # a fixture

# Before torch is loaded: its threads would fight with the other test processes over the same cores.
THREADS = int(os.environ.setdefault("OMP_NUM_THREADS", "1"))
# Of processes that do have several, threads that wait for each other give their core away instead of spinning on it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Before ir_datasets is loaded, which fixes its cache then: tests put real files there and never touch the user's.
_IR_DATASETS = tempfile.TemporaryDirectory(prefix="rescalade-ir-datasets-")
os.environ["IR_DATASETS_HOME"] = _IR_DATASETS.name

REQUIRED = {name for name in os.environ.get("RESCALADE_REQUIRE", "").split(",") if name}
"""Markers whose tests must not be skipped, as in .ci/run: there a missing installation is a failure."""


GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make golden` after a change that is meant; the difference is then read before it is committed."""
    parser.addoption("--remake-golden", action="store_true", help="write the stored lists instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, list[str]], None]:
    """Compares lines with those of a file in tests/golden."""

    def compare(name: str, lines: list[str]) -> None:
        if request.config.getoption("--remake-golden"):
            (GOLDEN / name).write_text("".join(f"{line}\n" for line in lines))
        assert lines == (GOLDEN / name).read_text().splitlines()

    return compare


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what needs an installation that is not here."""
    if "wheel" not in config.getoption("-m"):  # it downloads 2 GB where pip has no cache
        asked = pytest.mark.skip(reason="`make wheel-test` asks for it")
        for item in items:
            if item.get_closest_marker("wheel"):
                item.add_marker(asked)
    missing = {
        "slurm": not all(shutil.which(name) for name in ("sbatch", "slurmctld", "slurmd", "munged"))
        or find_spec("snakemake_executor_plugin_slurm") is None,
        "triton": find_spec("triton") is None,
        "browser": not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")),
    }
    for item in items:
        for marker, absent in missing.items():
            if absent and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"{marker} is not installed"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where the test was required to run."""
    report = yield
    wanted = {marker.name for marker in item.iter_markers()} & REQUIRED
    if report.skipped and wanted and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but required by RESCALADE_REQUIRE: {', '.join(sorted(wanted))}"
    return report


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    """A copy of the pipeline with a small experiment, its stage commands replaced by a fake; nothing made yet."""
    return Pipeline.create(tmp_path / "pipeline")


@pytest.fixture(scope="session")
def _made_once(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    made = Pipeline.create(tmp_path_factory.mktemp("graph") / "pipeline")
    made.run("--cores", "2")
    return made


@pytest.fixture
def made(_made_once: Pipeline, tmp_path: Path) -> Pipeline:
    """The same with its report made; a copy, so a test may change anything in it."""
    return _made_once.copy(tmp_path / "pipeline")


@pytest.fixture(autouse=True)
def _few_threads() -> Iterator[None]:
    """A test that computes with several threads leaves none of them to those after it."""
    yield
    if os.environ["OMP_NUM_THREADS"] != str(THREADS):
        from threadpoolctl import threadpool_limits

        os.environ["OMP_NUM_THREADS"] = str(THREADS)
        threadpool_limits(THREADS, "blas")
    if "torch" in sys.modules and sys.modules["torch"].get_num_threads() > THREADS:
        sys.modules["torch"].set_num_threads(THREADS)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages with the words of their figures but no panels, whose drawing takes most of the seconds of a page.

    A page of audits has no files of its figures either.
    """
    for module in ("pages.page", "audit.audit_page"):
        monkeypatch.setattr(
            f"rescalade.report.{module}.drawn", lambda figures: [{"about": figure, "panels": []} for figure in figures]
        )
    monkeypatch.setattr("rescalade.report.audit.audit_page.save_figure", lambda figure, folder: [])
