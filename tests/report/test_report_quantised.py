"""The table and the figure of quantised encoding, against files written by hand."""

from __future__ import annotations

import csv
import io
import json
import statistics
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from rescalade.config import Config, build_config
from rescalade.paths import Paths
from rescalade.pipeline.jobs import make_jobs
from rescalade.report.figures.figures import all_figures
from rescalade.report.figures.quantised import quantised_figure
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from rescalade.report.tables.quantised_table import quantised_table
from rescalade.report.tables.tables import tables_of
from rescalade.speed import Rates, Speed
from support.synthetic_fates import configuration
from support.synthetic_results import write_tree

RATES = {"none": (10.0, 30.0), "int8-weight": (20.0, 25.0)}
"""Queries per second, plain and compiled."""
LOSS = 0.0625
"""Of each measure, by quantising."""


def two_ways(**changes: Any) -> Config:
    values = configuration()
    values["experiments"]["mini"] |= {"quantised": ["int8-weight"], **changes}
    return build_config(values)


def write(root: Path, config: Config) -> Paths:
    """An invented tree, and beside every run its quantised twin with lower measures; the speed of both."""
    paths = write_tree(root, config)
    for run in config.runs():
        folder = paths.results / "runs" / run.folder
        if not folder.is_dir():
            continue
        twin = paths.results / "runs" / run.quantised("int8-weight").folder
        for path in (folder / "scores").glob("*.json"):
            if "record" not in path.name:
                found = json.loads(path.read_text())
                found["metrics"] = {name: value - LOSS for name, value in found["metrics"].items()}
                (twin / "scores").mkdir(parents=True, exist_ok=True)
                (twin / "scores" / path.name).write_text(json.dumps(found))
        for how, place in (("none", folder), ("int8-weight", twin)):
            plain, compiled = RATES[how]
            (place / "speed").mkdir()
            Speed(
                quantise=how, precision="bf16", device="GPU", threads=1, queries=200, documents=900,
                plain=Rates(queries_per_second=plain, documents_per_second=7 * plain),
                compiled=Rates(queries_per_second=compiled, documents_per_second=9 * plain),
                weights_bytes=3 * 2**20, device_peak_bytes=5 * 2**20,
            ).write(place / "speed" / "pydoc.json")  # fmt: skip
    return paths


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    config = two_ways()
    return Summary(load_results(config, write(tmp_path_factory.mktemp("quantised"), config)))


def test_a_row_per_model_and_way_with_what_it_loses_and_brings(summary: Summary) -> None:
    rows = list(csv.DictReader(io.StringIO(quantised_table(summary).to_csv())))
    assert len(rows) == 2 * len(summary.cells)
    found = [row for row in rows if (row["backbone"], row["variant"]) == ("bert-large", "k16")]
    assert [row["quantise"] for row in found] == ["none", "int8-weight"]
    folder = summary.results.paths.results / "runs" / "mini" / "bert-large" / "k16"
    by_hand = [
        json.loads((folder / f"seed{seed}" / "scores" / "pydoc.json").read_text())["metrics"]["MRR@10"]
        for seed in (1, 2)
    ]
    assert float(found[0]["in_domain"]) == pytest.approx(statistics.mean(by_hand))
    assert float(found[1]["in_domain"]) == pytest.approx(statistics.mean(by_hand) - LOSS)
    assert (found[0]["change"], float(found[1]["change"])) == ("", pytest.approx(-LOSS))
    assert float(found[1]["change_sd"]) == pytest.approx(0, abs=1e-12)
    keys = ("queries_per_second", "queries_compiled", "documents_per_second", "documents_compiled")
    assert [float(found[1][key]) for key in keys] == [20, 25, 140, 180]
    assert [float(found[1][key]) for key in ("weights_mb", "device_peak_mb")] == [3, 5]


def test_the_figure_has_a_point_for_each_at_the_faster_rate(summary: Summary) -> None:
    axes = Figure().add_subplot()
    quantised_figure(summary).panels[0].draw(axes)
    points = [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in axes.lines]
    assert len(points) == sum(2 for cell in summary.cells if cell.made)
    assert {x for x, _ in points} == {30.0, 25.0}


def test_without_further_ways_there_is_neither_table_nor_figure_nor_job(summary: Summary) -> None:
    assert "quantised" in [table.name for _, table in tables_of(summary)]
    plain = Summary(load_results(build_config(configuration()), summary.results.paths))
    assert "quantised" not in [table.name for _, table in tables_of(plain)]
    assert "quantised" not in [found.name for found in all_figures(plain)]
    stages = [{key[0] for key in make_jobs(config, Paths())} for config in (plain.config, summary.config)]
    assert "speed" in stages[1] - stages[0]


def test_a_report_asks_for_every_way_and_trains_each_run_once() -> None:
    config = two_ways()
    jobs = make_jobs(config, Paths())
    runs = [run.folder for run in config.runs()]
    assert sorted(key[1] for key in jobs if key[0] == "train") == sorted(runs)
    both = sorted([*runs, *(f"{run}-int8-weight" for run in runs)])
    assert sorted(key[1] for key in jobs if key[0] == "speed") == both
    for dataset in config.test_sets():
        scored = sorted(key[1] for key in jobs if key[0] == "score" and key[2] == dataset)
        assert [name for name in scored if not name.endswith("untrained")] == both
