"""Figures: files, determinism, text as text, and what the drawing keeps."""

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from rescalade.paths import Paths
from rescalade.report.figures.curves import thinned, variant_look
from rescalade.report.figures.figure_set import inline_panels, save_figure
from rescalade.report.figures.figures import all_figures, audit_figure, make_figures
from rescalade.report.figures.style import plain_log
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from rescalade.variants import Variant
from support.synthetic_fates import many, mini, ugly
from support.synthetic_results import write_tree

NAMES = ["loss-curves", "quality", "quality-out-of-domain", "head-norms", "active-terms", "prediction"]
NAMES += [f"audit-{name}" for name in mini().backbones()]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    paths = write_tree(tmp_path_factory.mktemp("ugly"), mini(), ugly, queries=24)
    make_figures(mini(), paths)
    return paths


def test_files(drawn: Paths) -> None:
    names = {path.name for path in (drawn.report / "mini/figures").iterdir()}
    assert names == {f"{name}.{suffix}" for name in NAMES for suffix in ("svg", "pdf")}


def test_the_same_bytes_twice(drawn: Paths) -> None:
    folder = drawn.report / "mini/figures"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    make_figures(mini(), drawn)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_text_stays_text_and_axes_have_names(drawn: Paths) -> None:
    svg = (drawn.report / "mini/figures/loss-curves.svg").read_text(encoding="utf-8")
    for words in ("optimiser step", "training loss", "BERT 2x128, large head", "k = 16, tied", "not finite"):
        assert f">{words}</text>" in svg


def test_inline_ids_do_not_clash_and_colours_follow_the_page(drawn: Paths) -> None:
    summary = Summary(load_results(mini(), drawn))
    svgs = [svg for figure in all_figures(summary) for svg in inline_panels(figure)]
    ids = [name for svg in svgs for name in re.findall(r'\bid="([^"]+)"', svg)]
    assert len(ids) == len(set(ids))
    for svg in svgs:
        used = set(re.findall(r"url\(#([^)]+)\)", svg)) | set(re.findall(r'href="#([^"]+)"', svg))
        assert used <= set(re.findall(r'\bid="([^"]+)"', svg)), "every reference is defined in its own figure"
        assert "var(--ink)" in svg
        assert not re.search(r"#[0-9a-f]{6}\b", svg), "a fixed colour would not follow dark mode"
        assert "http" not in svg


def test_no_results_at_all_still_draws(tmp_path: Path) -> None:
    assert (
        len(make_figures(mini(), Paths(tmp_path / "results", tmp_path / "report"))) == 20
    )  # two formats of six figures and four audits


@pytest.mark.slow
@pytest.mark.filterwarnings("error:constrained_layout")
def test_twenty_backbones_by_five_scales(tmp_path: Path) -> None:
    """Two formats of the figures that grow with backbones and scales, and of one audit: those are of one size."""
    config = many()
    summary = Summary(load_results(config, write_tree(tmp_path, config, queries=20, steps=30)))
    drawn = [*all_figures(summary), audit_figure(summary, config.backbones()[-1])]
    files = [path for figure in drawn for path in save_figure(figure, tmp_path / "figures")]
    assert len(files) == 14 and all(path.stat().st_size > 10_000 for path in files)


def test_thinning_keeps_spikes_and_gaps() -> None:
    values = np.ones(10_000)
    values[5_001], values[7_000], values[7_001] = 19.0, math.nan, math.nan
    steps, kept = thinned(np.arange(10_000.0), values, 400)
    assert len(kept) < 420
    assert kept.max(initial=0, where=np.isfinite(kept)) == 19.0
    assert 5_001 in steps
    assert np.isnan(kept).any()
    assert (steps[0], steps[-1]) == (0, 9_999)


def test_scales_differ_by_more_than_colour() -> None:
    variants = [Variant(scale) for scale in (1, 2, 4, 8, 16)]
    looks = [variant_look(variants, variant) for variant in variants]
    assert len({look["marker"] for look in looks}) == len({str(look["linestyle"]) for look in looks}) == 5


def test_a_log_axis_of_many_decades_has_ticks_at_powers_of_ten_alone() -> None:
    for low, high, told in (
        (0.02, 30.0, {0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20}),
        (0.0002, 900.0, {0.001, 0.01, 0.1, 1, 10, 100}),
    ):
        axes = Figure().add_subplot(xscale="log", xlim=(low, high))
        plain_log(axes.xaxis)
        assert {float(f"{tick:g}") for tick in axes.get_xticks() if low < tick < high} - {low} == told


def test_panels_of_the_usual_height_stand_three_in_a_row(drawn: Paths) -> None:
    panels = all_figures(Summary(load_results(mini(), drawn)))
    assert not any(figure.tall for figure in panels if len(figure.panels) > 1)
    (first, *_) = panels
    assert replace(first, panels=(replace(first.panels[0], size=(4.6, 6.0)),)).tall
