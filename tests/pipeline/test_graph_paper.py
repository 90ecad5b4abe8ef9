"""The graph of the paper's own experiment, in an empty folder: every cell of Table 2 is an output of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from rescalade.config import load_config
from support.graph import REPOSITORY, Pipeline


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    shipped = Pipeline.create(tmp_path_factory.mktemp("paper") / "pipeline", config=None)
    lines = shipped.call("--summary", "--config", "experiment=paper").stdout.splitlines()
    return sorted(line.split("\t")[0] for line in lines if line.startswith(("results/", "report/")))


def test_the_outputs_are_the_stored_ones(outputs: list[str], golden: Callable[[str, list[str]], None]) -> None:
    """Of each run its model and its scores; of the experiment data sets, backbones, audits and the report."""
    chosen = [
        path
        for path in outputs
        if path.endswith(("/model", "corpus.parquet", ".html"))
        or ("/scores/" in path and path.endswith(".json") and "record" not in path)
        or path.startswith(("results/backbones/", "results/audit/", "results/rescaled/", "report/paper/"))
    ]
    golden("paper-outputs.txt", chosen)


def test_every_number_of_table_2_has_its_scores(outputs: list[str]) -> None:
    published = yaml.safe_load(
        (REPOSITORY / "workflow" / "rescalade" / "catalogue" / "published" / "rescaling.yaml").read_text()
    )
    rows = [row for row in published["values"] if row["where"] == "Table 2" and "dataset" in row]
    cells = {(row["backbone"], row["scale"]) for row in rows}
    assert len(cells) == 19, "Table 2 has 19 rows"
    for row in rows:
        for dataset in published["datasets"][row["dataset"]]["names"]:
            run = f"results/runs/paper/{row['backbone']}/k{row['scale']:g}/seed42"
            assert f"{run}/scores/{dataset}.json" in outputs


def test_an_experiment_trains_those_it_shows_along(tmp_path: Path) -> None:
    shipped = Pipeline.create(tmp_path / "pipeline", config=None)
    jobs = shipped.jobs("--config", "experiment=pareto")
    untrained = 4 * 13
    assert (jobs["train"], jobs["triples"], jobs["encode"]) == (3 * 6, 3, 3 * 6 * 13 + untrained)


@pytest.mark.parametrize(("experiment", "runs"), [("paper", 19), ("paper-seeds", 57), ("k-sweep", 20), ("boolq", 24)])
def test_the_other_experiments_have_the_runs_they_say(experiment: str, runs: int) -> None:
    assert len(load_config([REPOSITORY / "config.yaml"], experiment).runs()) == runs
