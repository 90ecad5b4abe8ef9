"""Runs by name and by the path of their folder, there already or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from rescalade.cli.model_places import model_of
from rescalade.cli.run_places import run_named
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.runs import Run

RUN = "mini/bert-small/k4-folded/seed1-int8-weight"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere" / "runs" / RUN / "model").mkdir(parents=True)
    (tmp_path / "linked").symlink_to("elsewhere")


@pytest.mark.parametrize(
    ("results", "text"),
    [
        ("results", RUN),
        ("results", f"results/runs/{RUN}"),  # not trained yet
        ("elsewhere", f"elsewhere/runs/{RUN}/"),
        ("elsewhere", f"./elsewhere/runs/{RUN}/model"),
        ("linked", f"elsewhere/runs/{RUN}"),
        ("elsewhere", f"linked/runs/{RUN}"),
    ],
)
def test_a_run_is_known_by_its_path(results: str, text: str) -> None:
    for path in {text, str(Path(text).absolute()) if "runs" in text else text}:
        assert run_named(Paths(Path(results)), path).folder == RUN


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"elsewhere/runs/{RUN}", "no run under results; name its own folder: --results elsewhere"),
        ("elsewhere", "no folder of a run; expected results/runs/RECIPE"),
        (f"nowhere/runs/{RUN}", "expected RECIPE/BACKBONE/VARIANT/seedN, for example .*, or the path of its folder"),
        ("words " * 1000, "or the path of its folder"),
        ("~nobody-of-that-name/x", "or the path of its folder"),
    ],
)
def test_what_is_no_run_is_one_line(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        run_named(Paths(), text)


@pytest.mark.parametrize(
    ("run", "place", "remedy"),
    [
        ("r/b/k4/seed2", "runs/r/b/k4/seed2/model", "train the run first"),
        ("r/b/k4/seed2-int8-weight", "runs/r/b/k4/seed2/model", "train the run first"),
        ("r/b/k1/untrained", "rescaled/b/k1", "rescale the backbone first"),
        ("r/b/kauto-norm/untrained", "rescaled/b/r/kauto-norm", "rescale the backbone first"),
        ("ready/b/k1/ready", "ready/b", "rescalade ready b"),
    ],
)
def test_the_model_of_a_run_is_where_its_stage_puts_it(run: str, place: str, remedy: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"results/{place} is missing; .*{remedy}"):
        model_of(Paths(), Run.parse(run))
    (tmp_path / "results" / place).mkdir(parents=True)
    (tmp_path / "results" / place / "config.json").write_text("{}")
    assert model_of(Paths(), Run.parse(run)) == Path("results") / place
