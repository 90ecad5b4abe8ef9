"""What jobs leave of their costs, and its sums."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rescalade.config import Config, load_config
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.costs import Cost, cost_file, costs_of, measured
from rescalade.pipeline.graph import STAGES
from support.commands import run
from support.graph import SMALL


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "config.yaml"
    path.write_text(SMALL)
    return load_config([path])


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_the_cost_of_a_job(tmp_path: Path) -> None:
    path = tmp_path / "cost.json"
    spent = time.process_time()
    with measured(path):
        burn(0.2)
        time.sleep(0.1)
    cost = Cost.read(path)
    assert cost.start >= spent - 0.05
    assert 0.17 <= cost.work < 0.3  # the kernel counts user and system time in ticks of .01 s each
    assert cost.wall >= 0.3


def test_a_job_that_fails_leaves_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wrong"), measured(tmp_path / "cost.json"):
        raise ValueError("wrong")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_costs_nothing_but_the_cost(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with measured(tmp_path / "file" / "cost.json"):
        pass


def leave(paths: Paths, rule: str, names: dict[str, str], start: float, work: float) -> None:
    Cost(start=start, work=work, wall=work).write(cost_file(paths, STAGES[rule], names))


def test_sums_by_stage(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = Paths(tmp_path / "results", tmp_path / "report")
    with pytest.raises(UserError, match="has no costs of 'small'"):
        costs_of(config, paths)
    leave(paths, "backbone", {"backbone": "left"}, 1.5, 20)
    leave(paths, "backbone", {"backbone": "right"}, 0.5, 30)
    leave(paths, "train", {"run": "quick/left/k1/seed1"}, 2, 47)
    leave(paths, "backbone", {"backbone": "of another experiment"}, 100, 100)
    (tmp_path / "results" / ".costs" / "source").mkdir()
    (tmp_path / "results" / ".costs" / "source" / "pydoc.json").write_text("{}")  # of another version
    found = {cost.stage: cost for cost in costs_of(config, paths)}
    assert (found["backbone"].jobs, found["backbone"].measured) == (2, 2)
    assert (found["backbone"].start, found["backbone"].work) == (2, 50)
    assert (found["train"].jobs, found["train"].measured, found["train"].work) == (2, 1, 47)
    assert (found["source"].jobs, found["source"].measured) == (1, 0)

    monkeypatch.chdir(tmp_path)
    run("costs")
    lines = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    assert ["backbone", "2", "2", "2.0", "50.0", "25.00", "51.5%"] in cells
    assert cells[-1] == ["all", cells[-1][1], "3", "4.0", "97.0", "32.33", "100.0%"]
