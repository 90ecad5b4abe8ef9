"""Modes and rules in the report: the k that was used, its label, and what the claims make of them."""

import csv
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from rescalade.config import Config, Run
from rescalade.paths import Paths
from rescalade.report.claims.claims import evaluate_claims
from rescalade.report.figures.curves import variant_look
from rescalade.report.figures.figures import all_figures, make_figures
from rescalade.report.figures.style import look
from rescalade.report.pages.page import make_pages
from rescalade.report.results.labels import variant_title
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from rescalade.report.tables.tables import make_tables
from rescalade.variants import MODES, SCALE_RULES, Variant
from support.synthetic_fates import AUTOMATIC, Fate, mini, papers_way, with_rules
from support.synthetic_results import change, write_tree


def main_rows(config: Config, paths: Paths) -> list[dict[str, str]]:
    make_tables(config, paths)
    with (paths.report / "mini/tables/main.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def order(rows: list[dict[str, str]], backbone: str) -> list[str]:
    return [row["variant"] for row in rows if row["backbone"] == backbone]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    return write_tree(tmp_path_factory.mktemp("rules"), with_rules(), queries=24, steps=20)


@pytest.mark.parametrize(
    ("variant", "title"),
    [
        (Variant(16), "k = 16, tied"),
        (Variant(4, "folded", bias=True), "k = 4, folded, bias too"),
        (Variant.automatic("loss").chosen(8), "k = 8 (auto: loss), tied"),
        (Variant.automatic("norm", "multiplier"), "k not chosen yet (auto: norm), multiplier"),
    ],
)
def test_titles(variant: Variant, title: str) -> None:
    assert variant_title(variant) == title


def test_a_rules_k_is_the_one_of_the_outcome(told: Paths) -> None:
    rows = main_rows(with_rules(), told)
    # sorted by mode, then by the k that was used: `norm` chose 16, `loss` 32
    assert order(rows, "bert-large") == ["kauto-width-folded", "k1", "k4", "k16", "kauto-norm", "untrained"]
    assert order(rows, "modernbert-large") == ["k1", "k4", "k16", "kauto-loss", "untrained"]
    found = {row["variant"]: row for row in rows if row["backbone"] == "bert-large"}
    assert float(found["kauto-norm"]["row_norm_after"]) == pytest.approx(15.2 / 16)
    assert float(found["kauto-width-folded"]["row_norm_after"]) == pytest.approx(15.2)  # the norm before W is divided
    assert "k = 16 (auto: norm), tied" in (told.report / "mini/tables/main.tex").read_text()


def test_a_run_says_whether_its_vectors_were_trimmed(tmp_path: Path) -> None:
    config = mini(seeds=[1])
    paths = write_tree(tmp_path, config, queries=24, steps=20)
    scores = paths.results / "runs/mini/bert-large/k1/seed1/scores/pydoc-ood.json"
    change(scores, lambda values: values["encoding"].update(bounded_shards=1))
    trimmed = [result.run.folder for result in load_results(config, paths).runs if result.trimmed]
    assert trimmed == ["mini/bert-large/k1/seed1"]


def test_seeds_that_were_not_made_stay_in_the_cell(tmp_path: Path) -> None:
    def fate(run: Run) -> Fate:
        return replace(papers_way(run), made=run.seed == 1)

    paths = write_tree(tmp_path, with_rules(), fate, queries=24, steps=20)
    # without a prediction the other seed's k is all there is
    change(paths.results / "audit" / "mini" / "modernbert-large.json", lambda audit: audit.update(predicted={}))
    rows = main_rows(with_rules(), paths)
    found = [row for row in rows if row["variant"] == "kauto-loss"]
    assert [(row["seeds"], row["row_norm_after"]) for row in found] == [("1", "0.3875")]  # 12.4 / 32


def test_before_any_run_the_audit_says_which_k_it_will_be(tmp_path: Path) -> None:
    paths = write_tree(tmp_path, with_rules(), lambda run: Fate(0, 0, made=False), queries=24, steps=20)
    found = {row["variant"]: row for row in main_rows(with_rules(), paths) if row["backbone"] == "modernbert-large"}
    assert found["kauto-loss"]["verdict"] == "not run"
    assert float(found["kauto-loss"]["row_norm_after"]) == pytest.approx(12.4 / 32)


def test_an_unknown_k_is_shown_as_not_chosen(tmp_path: Path) -> None:
    config = mini(seeds=[1], grid=[{"backbones": ["modernbert-large"], "scales": [1, 16]}, AUTOMATIC[-1]])
    paths = write_tree(tmp_path, config, lambda run: Fate(0, 0, made=False), queries=24, steps=20)
    (paths.results / "audit" / "mini" / "modernbert-large.json").unlink()
    found = {row["variant"]: row for row in main_rows(config, paths)}
    assert found["kauto-loss"]["row_norm_after"] == ""
    page = make_pages(config, paths, ["modernbert-large"])[0].read_text(encoding="utf-8")
    assert "k not chosen yet (auto: loss), tied" in page
    make_figures(config, paths)


def test_a_given_k_stands_for_itself(told: Paths) -> None:
    """k = 16 was given and chosen by `norm` too: the paper's number is compared with the given one."""
    cell = Summary(load_results(with_rules(), told)).cell("bert-large", 16.0)
    assert cell is not None
    assert cell.variant == Variant(16)


def test_the_same_k_twice_is_no_failure_to_fall(told: Paths) -> None:
    claims = {claim.id: claim for claim in evaluate_claims(with_rules(), told)}
    assert claims["first-loss-falls"].result == "holds"
    # the rule's k = 32 is a point of its own, beyond the grid's 16
    steps = {row["Backbone"]: row["Loss at step 0"] for row in claims["first-loss-falls"].details}
    assert steps["ModernBERT 2x128, large head"].count("k =") == 4
    assert steps["BERT 2x128, large head"].count("k =") == 3


@pytest.mark.parametrize("mode", ["untied", "folded", "multiplier"])
@pytest.mark.parametrize(("quality", "answer"), [(0.40, "holds"), (0.10, "mixed")])
def test_modes_that_leave_the_encoder_alone_are_judged(tmp_path: Path, mode: str, quality: float, answer: str) -> None:
    small = ["bert-small", "modernbert-small"]
    grid = [{"backbones": small, "scales": [1]}, {"backbones": small, "scales": [4], "modes": ["tied", mode]}]

    def fate(run: Run) -> Fate:
        told = papers_way(run)
        if run.backbone == "bert-small" and run.variant.scale == 4:
            return replace(told, mrr=0.05 if run.variant.mode == "tied" else quality)
        return replace(told, mrr=0.40)

    config = mini(grid=grid)
    paths = write_tree(tmp_path, config, fate, queries=24, steps=20)
    claims = {claim.id: claim for claim in evaluate_claims(config, paths)}
    assert claims["small-norm-unharmed-exact"].result == answer
    assert claims["small-norm-unharmed-exact"].details[0]["Mode"] == mode


@pytest.mark.filterwarnings("error:constrained_layout")
def test_long_legends_leave_room_for_the_curves(tmp_path: Path) -> None:
    """Twelve fixed variants and a rule's, with long names: three columns of them would be wider than the panel."""
    config = with_rules(seeds=[1], grid=[{"backbones": ["bert-large"], "scales": [1, 4, 16], "modes": list(MODES)}])
    summary = Summary(load_results(config, write_tree(tmp_path, config, queries=24, steps=20)))
    for figure_set in all_figures(summary):
        for panel in figure_set.panels:
            figure = Figure(figsize=panel.size, layout="constrained")
            with look():
                axes = figure.add_subplot()
                panel.draw(axes)
                figure.draw_without_rendering()
            box = axes.get_position()
            assert box.width > 0.6, panel.name
            assert box.height * panel.size[1] > 1.2, "inches"


def test_modes_and_rules_differ_by_more_than_colour() -> None:
    variants = [Variant(8, mode) for mode in MODES]
    variants += [Variant.automatic(rule).chosen(8) for rule in SCALE_RULES]
    shapes = [{**variant_look(variants, variant), "color": ""} for variant in variants]
    for one, other in itertools.combinations(shapes, 2):
        assert one != other
