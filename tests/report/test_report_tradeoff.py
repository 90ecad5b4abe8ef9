"""Effectiveness against FLOPS over the recipes of an experiment and of those it shows along."""

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
from rescalade.errors import UserError
from rescalade.report.figures import tradeoff
from rescalade.report.figures.figure_set import save_figure
from rescalade.report.figures.figures import all_figures
from rescalade.report.figures.tradeoff import tradeoff_figure
from rescalade.report.pages.page import make_pages
from rescalade.report.results.labels import backbone_title
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from rescalade.report.tables.tradeoff_table import tradeoff_points, tradeoff_table
from support.synthetic_fates import configuration
from support.synthetic_results import write_tree


def three(**changes: Any) -> Config:
    """`mini`, and the same with weaker and stronger regularisers."""
    values = configuration()
    for name, strength in (("weak", 1.0e-4), ("strong", 1.0e-2)):
        train = {**values["recipes"]["mini"]["train"], "lambda_query": strength * 10, "lambda_document": strength}
        values["recipes"][name] = {"train": train}
        values["experiments"][name] = {**values["experiments"]["mini"], "recipe": name}
    values["recipes"]["mini"]["train"] |= {"lambda_query": 1.0e-2, "lambda_document": 1.0e-3}
    values["experiments"]["mini"]["also"] = ["strong", "weak"]
    for name, value in changes.items():
        values["experiments"][name] |= value
    return build_config(values)


def test_every_model_has_a_point_per_recipe_weakest_first(tmp_path: Path) -> None:
    config = three()
    paths = write_tree(tmp_path, config)
    points = tradeoff_points(Summary(load_results(config, paths)))
    assert len(points) == 3 * len({(run.backbone, run.variant) for run in config.runs()})
    first = [point for point in points if (point.backbone, point.variant.name) == ("bert-large", "k16")]
    assert [point.recipe for point in first] == ["weak", "mini", "strong"]
    assert [point.lambda_query for point in first] == [1.0e-3, 1.0e-2, 1.0e-1]
    by_hand = []
    for seed in (1, 2):
        run = paths.results / "runs" / "weak" / "bert-large" / "k16" / f"seed{seed}"
        read = [json.loads((run / "scores" / f"{name}.json").read_text()) for name in ("pydoc", "pydoc-ood")]
        own = ("MRR@10", "nDCG@10")  # what each of the two sets counts by
        pairs = [(found["metrics"][name], found["sparsity"]["flops"]) for name, found in zip(own, read, strict=True)]
        by_hand.append([statistics.mean(pair[side] for pair in pairs) for side in (0, 1)])
    assert first[0].effectiveness.mean == pytest.approx(statistics.mean(row[0] for row in by_hand))
    assert first[0].flops.mean == pytest.approx(statistics.mean(row[1] for row in by_hand))
    assert first[0].flops.sd == pytest.approx(statistics.stdev(row[1] for row in by_hand))
    table = tradeoff_table(Summary(load_results(config, paths)))
    assert len(list(csv.DictReader(io.StringIO(table.to_csv())))) == len(points)
    assert "mean of MRR@10 and nDCG@10" in [column.header for column in table.columns]


def drawn(summary: Summary, folder: Path) -> list[Path]:
    """Files of the figure, which must be one of the experiment's."""
    (figure,) = [figure for figure in all_figures(summary) if figure.name == "tradeoff"]
    return save_figure(figure, folder)


@pytest.mark.usefixtures("undrawn")
def test_the_figure_and_the_page_are_made_of_them(tmp_path: Path) -> None:
    config = three()
    paths = write_tree(tmp_path, config)
    assert {path.name for path in drawn(Summary(load_results(config, paths)), tmp_path)} == {
        "tradeoff.svg",
        "tradeoff.pdf",
    }
    page = make_pages(config, paths, ["index"])[0].read_text()
    assert "Effectiveness against FLOPS" in page


def test_of_too_many_curves_the_legend_names_the_backbones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = three()
    summary = Summary(load_results(config, write_tree(tmp_path, config)))
    monkeypatch.setattr(tradeoff, "APART", 3)
    (panel,) = tradeoff_figure(summary).panels
    axes = Figure(figsize=panel.size).add_subplot()
    panel.draw(axes)
    legend = axes.get_legend()
    assert legend is not None
    named = [words.get_text().replace("\n", " ") for words in legend.get_texts()]
    assert named == [backbone_title(config, name) for name in config.backbones()]
    marks = {line.get_color(): line.get_marker() for line in axes.lines}
    assert len(axes.lines) > len(marks) == len(named)


def test_a_long_legend_leaves_the_axes_their_room() -> None:
    width, height = tradeoff._size(["a name of forty letters, of a model so " + str(place) for place in range(98)])
    assert width / (0.065 * 40) > 2 and height - 98 / 2 * 0.16 > 3  # 8 points and their space, in two columns


def test_without_others_there_is_none(tmp_path: Path) -> None:
    config = build_config(configuration())
    summary = Summary(load_results(config, write_tree(tmp_path, config)))
    assert tradeoff_points(summary) == []
    assert "tradeoff" not in [figure.name for figure in all_figures(summary)]


def test_a_run_that_is_not_there_leaves_a_gap(tmp_path: Path) -> None:
    config = three()
    paths = write_tree(tmp_path, config)
    for run in (paths.results / "runs" / "weak" / "bert-large").glob("*/seed*/outcome.json"):
        run.unlink()
    summary = Summary(load_results(config, paths))
    gone = [p for p in tradeoff_points(summary) if (p.backbone, p.recipe) == ("bert-large", "weak")]
    assert gone and not any(point.known for point in gone)
    assert drawn(summary, tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mini": {"also": ["nothing"]}}, "unknown experiment 'nothing'"),
        ({"weak": {"recipe": "mini"}}, "has recipe 'mini', which is there already"),
        ({"weak": {"train_on": "pydoc"}}, "trains on 'pydoc', not 'pydoc-train'"),
        ({"weak": {"grid": [{"backbones": ["bert-small"], "scales": ["auto"]}]}}, "weak has an automatic scale"),
        ({"weak": {"out_of_domain": []}}, "weak is not tested on 'pydoc-ood'"),
    ],
)
def test_what_cannot_be_shown_along_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        three(**changes)
