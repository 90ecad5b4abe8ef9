"""What runs begin with against how they end: a border that was built in is found again, and its errors counted anew."""

from __future__ import annotations

import csv
import io
import math
import random
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rescalade.config import Config, Run
from rescalade.outcome import VerdictName
from rescalade.report.figures.figure_set import inline_panels
from rescalade.report.figures.figures import all_figures
from rescalade.report.figures.step0_map import Start, _map, crowds, ended, starts, step0_figure
from rescalade.report.figures.style import PANEL, inline_svg, look
from rescalade.report.pages.lead import lead_sentence
from rescalade.report.pages.page import make_pages
from rescalade.report.results.load import RunResult, load_results
from rescalade.report.results.step0_map import BY_LOSS, BY_NORM, BY_PAIR, has_map, step0_map
from rescalade.report.results.step0_states import step0_states
from rescalade.report.results.summary import Summary
from rescalade.report.results.window import Window
from rescalade.report.tables.step0_tables import map_table, state_table
from rescalade.report.tables.table import Table
from support.synthetic_audits import VOCABULARY
from support.synthetic_fates import Fate, mini
from support.synthetic_results import write_tree

BACKBONES = ["bert-small", "bert-large", "modernbert-small", "modernbert-large"]
GRID = [{"backbones": BACKBONES, "scales": [1, 2, 4, 8]}]
GUESSING = math.log(64)
SHARES = {1: 0.3, 2: 0.05, 4: 0.004, 8: 0.0}
"""Active in a document before the first update, by k."""
UNITS = {"bert-small": 0.8, "bert-large": 9.0, "modernbert-small": 1.2, "modernbert-large": 20.0}
"""Loss over ln(64) at k = 2 and 4; that of guessing elsewhere."""


def configured() -> Config:
    return mini(grid=GRID)


def units(run: Run) -> float:
    return UNITS[run.backbone] if run.variant.scale in (2, 4) else 1.0


def by_start(run: Run) -> Fate:
    """Trains between a thousandth and a tenth of the vocabulary, where the loss is below 10 times that of guessing."""
    trains = run.variant.scale in (2, 4) and units(run) < 10
    return Fate(0.5 if trains else 0.0, units(run) * GUESSING, "trained" if trains else "dead")


def begun(tmp_path: Path, config: Config, fate: Callable[[Run], Fate] = by_start) -> Summary:
    """Results with what a run begins with put into the first row of its history, whatever stands in the others."""
    results = load_results(config, write_tree(tmp_path, config, fate, queries=20, steps=10))

    def first(result: RunResult) -> RunResult:
        if result.history is None:
            return result
        history = result.history.copy()
        share = SHARES[int(result.run.variant.scale)]
        history.loc[0, ["active_document", "active_query", "score_sd"]] = [share * VOCABULARY, share * 1000, share]
        history.loc[0, "empty_document"] = 1.0 if share == 0 else 0.0
        return replace(result, history=history)

    return Summary(replace(results, runs=tuple(map(first, results.runs))))


def rows(table: Table, key: str) -> dict[str, dict[str, str]]:
    return {row[key]: row for row in csv.DictReader(io.StringIO(table.to_csv()))}


def test_the_border_that_was_built_in_is_found_and_the_norm_misses_it(tmp_path: Path) -> None:
    summary = begun(tmp_path, configured())
    assert has_map(summary)
    found = step0_map(summary)
    assert (found.runs, found.trained, found.cells, found.families) == (32, 12, 16, ("bert", "modernbert"))
    pair = found.of(BY_PAIR)
    assert pair is not None and pair.errors == 0
    loss, share = pair.box
    assert loss.low == -math.inf and loss.high == pytest.approx(math.sqrt(9 * 20), rel=1e-3)
    assert share.low == pytest.approx(math.sqrt(1e-4 * 0.0041) - 1e-4, rel=1e-3)
    assert share.high == pytest.approx(math.sqrt(0.0501 * 0.3001) - 1e-4, rel=1e-3)
    said = rows(map_table(summary), "predictor")
    # without modernbert-large nothing bounds the loss, and its four runs at k = 2 and 4 are said to train; without
    # bert-large the bound is sqrt(1.2 * 20), and its four are said to fail
    assert (said["pair"]["errors"], said["pair"]["by_backbone"]) == ("0", "8")
    assert (said["always"]["window"], said["always"]["errors"]) == ("no run trains", "12")
    # .95 / 2 and / 4, .9 / 2 and / 4 trained and so did 15.2 / 2 and / 4; 15.2 / 8 and .95, .9 lie between
    assert int(said["used_norm"]["errors"]) > 0
    # a loss of guessing is that of runs that trained, twelve began above it or below it
    assert said["loss_rule"]["errors"] == said["loss_rule"]["by_backbone"] == str(16 + 4)


ODD: dict[tuple[str, float, int], VerdictName] = {("bert-small", 8, 1): "trained", ("modernbert-small", 2, 2): "flat"}
"""Runs that end otherwise than the others of their cell."""


def odd(run: Run) -> Fate:
    told = by_start(run)
    return replace(told, verdict=ODD.get((run.backbone, run.variant.scale, run.seed), told.verdict), mrr=0.5)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    return begun(tmp_path_factory.mktemp("mixed"), configured(), odd)


def refitted(kept: list[tuple[float, bool]]) -> tuple[float, float]:
    """The window of shares by trying every end that there can be."""
    values = sorted({value for value, _ in kept})
    cuts = [(math.sqrt((a + 1e-4) * (b + 1e-4)) - 1e-4, (b + 1e-4) / (a + 1e-4)) for a, b in pairwise(values)]
    ends = [(-math.inf, math.inf), *cuts, (math.inf, math.inf)]
    tried = []
    for (low, before), (high, after) in combinations(ends, 2):
        wrong = sum((low <= value <= high) != trained for value, trained in kept)
        tried.append((wrong, -min(before, after), low, -high))
    tried.append((sum(trained for _, trained in kept), -math.inf, math.inf, math.inf))  # no run trains
    _, _, low, high = min(tried)
    return low, -high


def test_an_experiment_that_tells_explanations_apart_opens_with_its_starts(tmp_path: Path) -> None:
    said = {"norm": {"title": "The norm"}}
    asked = [{"backbones": ["bert-large"], "variants": ["k8"], "expects": {"norm": "trains"}}]
    summary = begun(tmp_path, mini(grid=GRID, explanations=said, predictions=asked))
    assert next(iter(all_figures(summary))).name == "step0-map"
    wrong = {key: int(row["by_backbone"]) for key, row in rows(map_table(summary), "predictor").items()}
    least = min(wrong[key] for key in wrong if key != "always")
    words = lead_sentence(summary, [])
    assert words.startswith(
        "\u201cThe norm\u201d was right, in 0 of 1 cells; the guess that every cell trains was right in 0 of 1."
    )
    # 12 of 32 runs trained; the norm over k is among those that tell best, so it is not held against them
    assert wrong["used_norm"] == least and "the row norm over k" in words
    assert (
        f"wrong on {least} of 32 runs by a window fitted without their backbone; the guess that none trains is wrong "
        "on 12. 20 of 32 runs collapsed" in words
    )
    for key, name in (
        ("active_document", "the active share of documents"),
        ("cosine_query", "the cosine between queries"),
    ):
        assert (name in words) == (wrong[key] == least)


@pytest.mark.parametrize("held_out", ["backbone", "family"])
def test_held_out_errors_are_those_of_a_window_that_never_saw_them(mixed: Summary, held_out: str) -> None:
    """The share of documents counted again. A cell whose seeds disagree is two runs, of which one is always wrong."""
    judged = next(one for one in step0_map(mixed).judged if one.predictor.key == "active_document")
    runs = [
        (cell.backbone if held_out == "backbone" else cell.backbone.split("-")[0], share, verdict == "trained")
        for cell in mixed.cells
        for share in [float(f"{SHARES[int(cell.variant.scale)]:.4g}")]
        for verdict in cell.verdicts
    ]
    wrong = 0
    for name in {group for group, _, _ in runs}:
        low, high = refitted([(share, trained) for group, share, trained in runs if group != name])
        wrong += sum((low <= share <= high) != trained for group, share, trained in runs if group == name)
    assert wrong > judged.errors > 0
    assert (judged.by_backbone if held_out == "backbone" else judged.by_family) == wrong
    assert "the seeds of 2 cells disagree" in " ".join(map_table(mixed).notes)


def test_what_a_cell_began_with(tmp_path: Path) -> None:
    grid = [*GRID, {"backbones": ["bert-large"], "scales": [4], "modes": ["folded"], "over": {"temperature": [5.0]}}]
    summary = begun(tmp_path, mini(grid=grid), lambda run: replace(by_start(run), made=run.variant.scale != 8))
    said = list(csv.DictReader(io.StringIO(state_table(summary).to_csv())))
    found = {(row["backbone"], row["variant"]): row for row in said}
    assert len(found) == 17
    tied = found["bert-large", "k4"]
    assert (tied["row_norm"], tied["used_norm"]) == ("15.2", "3.8")
    # folded leaves W whole, and what is used is a quarter of it all the same
    folded = found["bert-large", "k4-folded+temperature=5"]
    assert (folded["row_norm"], folded["used_norm"]) == ("15.2", "3.8")
    assert (float(tied["units"]), float(tied["active_document"])) == (9.0, 0.004)
    assert float(tied["active_query"]) == pytest.approx(4 / VOCABULARY, rel=1e-3)
    assert (tied["outcome"], tied["trained"], tied["failed"]) == ("trains", "2", "0")
    unmade = found["bert-large", "k8"]  # its loss was measured by itself, all else needs a run
    assert (unmade["outcome"], unmade["trained"], unmade["row_norm"], unmade["active_document"]) == (
        "not run",
        "0",
        "",
        "",
    )
    assert float(unmade["units"]) == 1.0
    # within .0121 to 37.8 are the spreads of k = 1, .3, all eight of which failed, and of k = 2, .05, of which two did;
    # below it those of k = 4, of which six of one grid and two of the other trained
    given = rows(map_table(summary), "predictor")["score_rule"]
    assert (given["window"], given["errors"]) == ("0.0121 to 37.8", str(8 + 2 + 6 + 2))
    seen = {state.cell.variant.name: state.seen_sd for state in step0_states(summary)}
    assert (seen["k4"], seen["k4-folded+temperature=5"]) == (0.004, 0.0008)


def test_a_loss_that_is_not_finite_is_beyond_every_window(tmp_path: Path) -> None:
    def overflows(run: Run) -> Fate:
        told = by_start(run)
        return replace(told, first_loss=math.nan) if run.backbone == "modernbert-large" else told

    summary = begun(tmp_path, configured(), overflows)
    assert {state.units for state in step0_states(summary) if state.cell.backbone == "modernbert-large"} == {math.inf}
    judged = step0_map(summary).of(BY_PAIR)
    assert judged is not None and judged.errors == 0 and judged.box[0] == Window()
    figure = step0_figure(summary)
    assert "8 runs whose loss is not finite have no point" in figure.panels[0].label
    assert len(list(ended(summary, BY_NORM))) == 32 and len(list(ended(summary, BY_LOSS))) == 24


def test_a_number_that_one_cell_lacks_judges_nobody(mixed: Summary) -> None:
    results = mixed.results
    step0 = dict(results.step0)
    cell = next(iter(step0))
    step0[cell] = step0[cell].model_copy(update={"candidates": None})
    summary = Summary(replace(results, step0=step0))
    found = step0_map(summary)
    assert {"pair", "units"}.isdisjoint(judged.predictor.key for judged in found.judged)
    assert "Loss and active share of documents" in map_table(summary).notes[-1]
    assert [panel.name for panel in step0_figure(summary).panels] == ["step0-norm", "step0-spread"]


def test_there_is_a_map_where_enough_cells_ended_in_both_ways(tmp_path: Path) -> None:
    all_train = begun(tmp_path / "all", configured(), lambda run: Fate(0.5, 4.0))
    unmade = begun(tmp_path / "unmade", configured(), lambda run: replace(by_start(run), made=run.variant.scale > 2))
    assert [has_map(all_train), has_map(unmade)] == [False, False]
    names = {figure.name for summary in (all_train, unmade) for figure in all_figures(summary)}
    assert "step0-map" not in names


def test_a_point_for_cells_that_begin_alike(mixed: Summary) -> None:
    points = starts(mixed)
    # k = 1 and 8 of either family begin at the loss of guessing, k = 2 and 4 of each backbone by themselves
    assert len(points) == 2 * 2 + 4 * 2
    nothing = {point.family: point for point in points if point.share == 0}
    assert (nothing["bert"].trained, nothing["bert"].failed, nothing["bert"].ending) == (1, 3, "both")
    assert nothing["modernbert"].ending == "failed"
    beside = {(round(share, 3), trained, count) for _, share, trained, count in crowds(points)}
    assert beside == {(0.0, 1, 8), (0.05, 1, 2)}


def test_the_window_and_every_kind_of_ending_are_drawn(mixed: Summary) -> None:
    figure_set = next(one for one in all_figures(mixed) if one.name == "step0-map")
    assert [panel.name for panel in figure_set.panels] == ["step0-map", "step0-norm", "step0-spread"]
    judged = step0_map(mixed).of(BY_PAIR)
    assert judged is not None
    axes = Figure(figsize=figure_set.panels[0].size).add_subplot()
    figure_set.panels[0].draw(axes)
    (border,) = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert border.get_y() == pytest.approx(judged.box[1].low)
    assert border.get_y() + border.get_height() == pytest.approx(judged.box[1].high)
    assert {str(line.get_marker()) for line in axes.lines} == {"o", "x", "s", "+"}
    assert {words.get_text() for words in axes.texts} == {"1 of 8", "1 of 2"}
    assert f"wrong on {judged.errors} of 32 runs, of which 12 trained" in figure_set.panels[0].label
    spread = Figure(figsize=figure_set.panels[2].size).add_subplot()
    figure_set.panels[2].draw(spread)
    # a run without any spread has a place of its own at the edge, and the ticks are as written
    assert 0.0 in {float(x) for line in spread.lines for x in line.get_xdata()}
    assert [tick.get_text() for tick in spread.get_xticklabels()][:2] == ["0", "0.01"]
    drawn = inline_panels(figure_set)
    for svg, panel in zip(drawn, figure_set.panels, strict=True):
        assert panel.label in svg.replace("&#x27;", "'")
        assert not re.search(r"#[0-9a-f]{6}\b", svg), "a fixed colour would not follow dark mode"
        for words in ("bert: trained", "bert: failed", "modernbert: trained", "modernbert: failed"):
            assert f">{words}</text>" in svg
    assert ">bert: runs disagree" in drawn[0] and "runs disagree" not in drawn[1], "a run is a dot of its own there"


def test_words_beside_points_cover_neither_each_other_nor_a_point(mixed: Summary) -> None:
    judged = step0_map(mixed).of(BY_PAIR)
    assert judged is not None
    draw = random.Random(3)
    crowd = [
        Start("bert", 10 ** draw.uniform(0, 2), 10 ** draw.uniform(-3, -0.5), draw.randint(10, 99), 0)
        for _ in range(30)
    ]
    with look():
        figure = Figure(figsize=PANEL, layout="constrained")
        axes = figure.add_subplot()
        _map(axes, crowd, judged, step0_map(mixed), [])
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        boxes = [words.get_window_extent() for words in axes.texts]
    assert 5 < len(boxes) < len(crowd)
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    points = axes.transData.transform([(start.units, start.share) for start in crowd])
    assert not any(box.contains(x, y) for box in boxes for x, y in points)


@pytest.mark.usefixtures("undrawn")
def test_the_page_shows_table_and_figure(tmp_path: Path) -> None:
    (page,) = make_pages(configured(), write_tree(tmp_path, configured(), odd, queries=20, steps=10), ["index"])
    text = page.read_text(encoding="utf-8")
    assert 'id="figure-step0-map"' in text and "What every cell began with" in text


def test_a_label_below_a_hundredth_is_not_rounded_away() -> None:
    with look():
        figure = Figure(figsize=(2, 2))
        figure.text(0.1, 0.12345678, "0.001 and 1.23456")
        svg = inline_svg(figure, "label", "A label.")
    assert ">0.001 and 1.23456</text>" in svg
    assert not re.search(r"<[^>]*\d\.\d{3}", svg), "numbers of the drawing are short"
