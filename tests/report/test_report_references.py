"""What runs are held against: BM25, untrained backbones, random vectors; and the loss before training, with no run."""

from __future__ import annotations

import csv
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from rescalade.paths import Paths
from rescalade.report.figures.quality import quality_panel
from rescalade.report.figures.style import INK, MARKERS, SERIES
from rescalade.report.pages.page import make_pages
from rescalade.report.results.load import load_results, per_query
from rescalade.report.results.summary import Summary
from rescalade.report.tables.tables import make_tables
from rescalade.runs import Run
from rescalade.variants import Variant
from support.synthetic_fates import Fate, mini, papers_way, with_rules
from support.synthetic_results import References, change, write_tree

LARGE = {"bert-large": 0.003, "modernbert-large": None}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """Small heads find something before training; of one large head nothing is known."""
    references = References(untrained=lambda name: LARGE.get(name, 0.21))
    paths = write_tree(tmp_path_factory.mktemp("told"), mini(), references=references)
    make_tables(mini(), paths)
    return paths


def rows(paths: Paths, name: str) -> list[dict[str, str]]:
    with (paths.report / "mini" / "tables" / f"{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("name", ["main", "runs"])
def test_they_are_the_last_rows(name: str, told: Paths) -> None:
    found = rows(told, name)[-6:]
    untrained = ["bert-small", "bert-large", "modernbert-small", "modernbert-large"]
    assert [row["backbone"] for row in found] == ["bm25", *untrained, "random"]
    assert {row["title"] for row in found} == {"Baseline"}
    assert [row["variant"] for row in found] == ["BM25", *["untrained"] * 4, "Random"]
    values = [row["pydoc_MRR@10"] for row in found]
    assert [float(value) for value in values if value] == pytest.approx([0.55, 0.21, 0.003, 0.21, 0.004])
    assert [row["verdict"] for row in found] == [*["no training"] * 4, "not run", "no training"]
    assert [bool(row["active_document"]) for row in found] == [False, True, True, True, False, False]


def test_a_run_is_no_more_than_its_own_row(told: Paths) -> None:
    assert len(rows(told, "runs")) == len(mini().runs()) + 6
    assert not [row for row in rows(told, "comparisons") if row["variant"] == "untrained"]


def test_what_a_report_reads(told: Paths) -> None:
    found = load_results(mini(), told)
    assert found.untrained["bert-small"]["pydoc"].metrics["MRR@10"] == pytest.approx(0.21)
    assert sorted(found.untrained) == ["bert-large", "bert-small", "modernbert-small"]
    assert found.random["pydoc"].run == "random" and sorted(found.random) == ["pydoc", "pydoc-ood"]
    assert (
        found.step0["bert-large", Variant(16.0)].loss
        == papers_way(Run("mini", "bert-large", Variant(16.0), 1)).first_loss
    )
    assert set(found.step0) == {(run.backbone, run.variant) for run in mini().runs()}
    for run, mean in (
        ("random", 0.004),
        ("bm25", 0.55),
        (Run("mini", "bert-small", Variant(1.0), 0, trained=False), 0.21),
    ):
        table = per_query(found, run, "pydoc")
        assert table is not None and table["MRR@10"].mean() == pytest.approx(mean)
    alone = load_results(mini(), told, "bert-small")
    assert list(alone.untrained) == ["bert-small"] and {name for name, _ in alone.step0} == {"bert-small"}


def test_what_a_backbone_reaches_untrained_is_a_line_across_in_its_colour(told: Paths) -> None:
    summary = Summary(load_results(mini(), told))
    axes = Figure().subplots()
    quality_panel(
        axes, summary, ["bert-small", "modernbert-large"], summary.in_domain, "MRR", summary.in_domain_quality
    )
    heights = [(line, np.asarray(line.get_ydata(), float)) for line in axes.lines]
    levels = {float(values[0]): line for line, values in heights if len(values) == 2 and values[0] == values[1]}
    assert {0.21, 0.55} <= {round(level, 6) for level in levels}, "nothing is known of the other backbone"
    (line,) = [line for level, line in levels.items() if abs(level - 0.21) < 1e-6]
    assert line.get_color() == SERIES[0] and str(line.get_label()).startswith("_")


def test_every_run_is_a_dot_and_every_collapse_a_cross(tmp_path: Path) -> None:
    """Seeds of one k stand beside each other; a collapsed one without scores is at 0."""

    def fate(run: Run) -> Fate:
        if (run.backbone, run.variant.scale, run.seed) == ("bert-large", 4.0, 2):
            return Fate(0.0, 9.0, "non-finite", scored=False)
        return papers_way(run)

    summary = Summary(load_results(mini(), write_tree(tmp_path, mini(), fate, queries=20, steps=10)))
    axes = Figure().subplots()
    quality_panel(axes, summary, ["bert-large"], summary.in_domain, "MRR", summary.in_domain_quality)
    drawn = {(line.get_marker(), str(line.get_color())): [] for line in axes.lines}
    for line in axes.lines:
        if line.get_linestyle() == "None":
            drawn[line.get_marker(), str(line.get_color())] += list(zip(*map(list, line.get_data()), strict=True))
    dots = sorted(drawn["o", SERIES[0]])
    assert [y for _, y in dots] == pytest.approx([0.004, 0.004, 0.334, 0.0, 0.424, 0.416])
    assert len({x for x, _ in dots}) == 6
    assert [round(math.log2(x)) for x, _ in dots] == [0, 0, 2, 2, 4, 4]
    crossed = sorted(drawn["x", INK])
    assert crossed == [dots[0], dots[1], dots[3]]


@pytest.mark.parametrize("scales", [[1], [1, 4], [1, 2, 4, 8, 16]])
def test_no_dot_lies_outside_or_nearer_to_another_k(scales: list[int], tmp_path: Path) -> None:
    names = mini().backbones()
    config = mini(grid=[{"backbones": names, "scales": scales}], seeds=[1, 2, 3, 4, 5])
    summary = Summary(load_results(config, write_tree(tmp_path, config, queries=10, steps=5)))
    axes = Figure().subplots()
    quality_panel(axes, summary, names, summary.in_domain, "MRR", summary.in_domain_quality)
    low, high = axes.get_xlim()
    drawn = [line for line in axes.lines if line.get_linestyle() == "None" and line.get_marker() in MARKERS]
    dots = [float(x) for line in drawn for x in np.asarray(line.get_xdata(), float)]
    assert low < min(dots) and max(dots) < high
    half = 2 ** (0.5 if 2 in scales else 1)  # of the way to the next k
    for scale in scales:
        assert sum(scale / half < x < scale * half for x in dots) == len(names) * 5


def test_step_0_of_a_chosen_k_goes_by_the_k_that_was_chosen(tmp_path: Path) -> None:
    config = with_rules()
    found = load_results(config, write_tree(tmp_path, config))
    cells = {(result.run.backbone, result.run.variant) for result in found.runs}
    assert set(found.step0) == cells
    assert any(variant.rule == "norm" and variant.scale > 0 for _, variant in found.step0)


@pytest.mark.usefixtures("undrawn")
def test_the_loss_before_training_needs_no_run(tmp_path: Path) -> None:
    paths = write_tree(tmp_path, mini(), lambda run: replace(papers_way(run), made=False))
    shutil.rmtree(paths.results / "runs")
    file = paths.results / "step0" / "mini" / "bert-large" / "k4.json"
    change(file, lambda value: value.update(loss=321.5, standard_error=None, batches=1))
    make_tables(mini(), paths)
    found = {(row["backbone"], row["variant"]): row for row in rows(paths, "main")}
    assert (found["bert-large", "k4"]["verdict"], found["bert-large", "k4"]["step0_mean"]) == ("not run", "321.5")
    assert found["bert-large", "k4"]["step0_error"] == "" and found["bert-large", "k1"]["step0_error"] == "24.01"
    assert found["bert-large", "k4"]["step0_loss"] == ""
    (pages,) = [path.read_text(encoding="utf-8") for path in make_pages(mini(), paths, ["index"])]
    assert "over 1 micro-batches of 32 queries" in pages


def test_files_that_are_not_there_leave_their_rows_empty(tmp_path: Path) -> None:
    nothing = References(bm25=None, random=None, untrained=lambda _: None, step0=False)
    paths = write_tree(tmp_path, mini(), references=nothing)
    make_tables(mini(), paths)
    assert [row["verdict"] for row in rows(paths, "main")[-6:]] == ["not run"] * 6
    assert {row["step0_mean"] for row in rows(paths, "main")} == {""}
    found = load_results(mini(), paths)
    assert (found.untrained, found.random, found.bm25, found.step0) == ({}, {}, {}, {})
    assert json.loads((paths.results / "runs/mini/bert-small/k1/seed1/outcome.json").read_text())["seed"] == 1
