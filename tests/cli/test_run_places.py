"""Runs by name and by the path of their folder, there already or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from rescalade.cli.run_places import run_named
from rescalade.errors import UserError
from rescalade.paths import Paths

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
