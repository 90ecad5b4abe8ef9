"""Comparisons say what the main table's numbers say, with intervals, and superscripts follow from them."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rescalade.config import Config, Run, build_config
from rescalade.paths import Paths
from rescalade.report.pages.page import make_pages
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from rescalade.report.tables.comparisons import comparison_table, comparisons
from rescalade.report.tables.effectiveness import main_table
from rescalade.report.tables.table import Table
from rescalade.scoring.significance import macro_sign_flip_test, permutations_for
from support.synthetic_fates import Fate, configuration, mini, papers_way, ugly
from support.synthetic_results import change, write_tree

LARGE, SMALL = (2000, 1500, 1300), (20, 25, 60, 65, 80, 130, 200, 280, 300, 690)
RISE, FALL = 0.03, 0.06
SETS = [f"up{size}" for size in LARGE] + [f"down{size}" for size in SMALL]


def read(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.to_csv())))


def one(table: Table, **wanted: str) -> dict[str, str]:
    (found,) = [row for row in read(table) if wanted.items() <= row.items()]
    return found


def loaded(root: Path, config: Config, fate: object = papers_way, queries: int = 31) -> Summary:
    return Summary(load_results(config, write_tree(root, config, fate, queries=queries, steps=10)))  # type: ignore[arg-type]


def made_up_beir(**experiment: object) -> Config:
    values = configuration()
    values["datasets"] |= {
        name: {"source": "pydoc", "packages": ["torch"], "title": name, "metric": "nDCG@10"} for name in SETS
    }
    values["experiments"]["mini"] |= {
        "out_of_domain": SETS, "grid": [{"backbones": ["bert-large"], "scales": [1, 16]}], **experiment,
    }  # fmt: skip
    return build_config(values)


def reach(paths: Paths, folder: Path, name: str, values: np.ndarray) -> None:
    """Let a run have these nDCG@10 on a set, and as many queries."""
    table = pd.DataFrame({"query_id": [f"q{n}" for n in range(len(values))], "group": "torch", "nDCG@10": values})
    table.to_parquet(paths.results / folder / "scores" / f"{name}.per-query.parquet")
    mean = float(values.mean())

    def alter(found: dict[str, dict[str, dict[str, float]]]) -> None:
        found["metrics"]["nDCG@10"] = mean  # type: ignore[assignment]
        found["groups"]["torch"]["nDCG@10"] = mean

    change(paths.results / folder / "scores" / f"{name}.json", alter)


def beir_world(root: Path, config: Config) -> Summary:
    """k = 16 is .03 above k = 1 on the three large sets and .06 below it on the ten others; BM25 is k = 1 + .004."""
    paths = write_tree(root, config, lambda run: Fate(0.3, 900.0 / run.variant.scale), queries=20, steps=10)
    for name in SETS:
        rng = np.random.default_rng(sum(map(ord, name)))
        size = int(name.lstrip("updown"))
        base = rng.uniform(0.2, 0.6, size)
        move = RISE if name.startswith("up") else -FALL
        noise = rng.normal(0, 0.1, size)
        for run in config.runs():
            shift = (move + noise - noise.mean()) if run.variant.scale == 16 else 0.0
            reach(paths, Path("runs") / run.folder, name, base + shift + 0.001 * run.seed)
        reach(paths, Path("bm25"), name, base + 0.004)
    return Summary(load_results(config, paths))


@pytest.fixture(scope="module")
def beir(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    return beir_world(tmp_path_factory.mktemp("beir"), made_up_beir())


def test_ten_falling_sets_make_it_worse_though_most_queries_rise(beir: Summary) -> None:
    found = one(comparison_table(beir), variant="k16", baseline="k1", domain="out-of-domain")
    expected = (len(LARGE) * RISE - len(SMALL) * FALL) / 13
    assert float(found["difference"]) == pytest.approx(expected, abs=1e-5)
    assert float(found["p"]) < 0.001 and found["reading"] == "worse"
    assert float(found["low"]) < expected < float(found["high"]) < 0
    assert (found["columns"], found["queries"]) == ("13", str(sum(LARGE + SMALL)))
    # the pooled mean over queries, which the table does not show, has the other sign
    assert sum(LARGE) * RISE - sum(SMALL) * FALL > 0
    # and the main table's two numbers differ by the same
    means = {row["variant"]: float(row["ood_mean"]) for row in read(main_table(beir)) if row["backbone"] != "bm25"}
    assert means["k16"] - means["k1"] == pytest.approx(float(found["difference"]), abs=2e-6)


def test_intervals_by_another_way(beir: Summary) -> None:
    """Stratified: the normal approximation. Seeds: both variants' seeds move together, .001 apart, so 2 * 5e-7 / 2."""
    found = one(comparison_table(beir), variant="k16", baseline="k1", domain="out-of-domain")
    parts = []
    for name in SETS:
        rng = np.random.default_rng(sum(map(ord, name)))
        size = int(name.lstrip("updown"))
        rng.uniform(0.2, 0.6, size)
        parts.append((rng.normal(0, 0.1, size).var(ddof=1), size))
    queries = sum(variance / size for variance, size in parts) / 13**2
    centre = float(found["difference"])
    ends = [float(found[key]) for key in ("low", "high")]
    assert ends == pytest.approx([centre - 1.96 * queries**0.5, centre + 1.96 * queries**0.5], abs=0.15 * queries**0.5)
    per_seed = 0.001**2 / 2  # variance of two values .001 apart
    terms = [(variance / size / 13**2, size - 1) for variance, size in parts] + [(per_seed / 2, 1)] * 2
    total = sum(term for term, _ in terms)
    half = stats.t.ppf(0.975, total**2 / sum(term**2 / free for term, free in terms)) * total**0.5
    ends = [float(found[key]) for key in ("seeds_low", "seeds_high")]
    assert ends == pytest.approx([centre - half, centre + half], abs=1e-5)


def test_level_is_tested_against_the_margin(beir: Summary) -> None:
    """k = 1 lies .0025 below BM25 on every query: significant, and by less than .01; k = 16 by far more."""
    table = comparison_table(beir)
    near = one(table, variant="k1", baseline="bm25", domain="out-of-domain")
    assert near["reading"] == "worse, by less than 0.01"
    assert float(near["difference"]) == pytest.approx(-0.0025, abs=1e-6)
    assert float(near["p_level_holm"]) < 0.01
    far = one(table, variant="k16", baseline="bm25", domain="out-of-domain")
    assert far["reading"] == "worse" and float(far["p_level"]) > 0.99


def test_p_and_holm_are_those_of_the_tests_alone(beir: Summary) -> None:
    found = comparisons(beir)
    table = read(comparison_table(beir))
    assert len(found) == len(table) == 6  # k16 against k1, k1 and k16 against BM25, on both kinds of queries
    assert comparisons(beir) is found, "they are made once"
    for key, holm in (("p", "p_holm"), ("p_level", "p_level_holm")):
        p = np.array([float(row[key]) for row in table])
        order = np.argsort(p, kind="stable")
        expected = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)))
        assert [float(row[holm]) for row in np.array(table)[order]] == pytest.approx(expected, rel=1e-4)
    assert f"{permutations_for(6):,} seeded permutations" in comparison_table(beir).caption
    sets = {}
    for name in SETS:
        values = {
            scale: np.mean(
                [
                    pd.read_parquet(
                        beir.results.paths.results / "runs" / run.folder / "scores" / f"{name}.per-query.parquet"
                    )["nDCG@10"]
                    for run in beir.config.runs()
                    if run.variant.scale == scale
                ],
                axis=0,
            )
            for scale in (1, 16)
        }
        sets[name] = values[16] - values[1]
    alone = macro_sign_flip_test(sets)
    assert alone == pytest.approx(
        float(one(comparison_table(beir), variant="k16", baseline="k1", domain="out-of-domain")["p"])
    )


def test_one_seed_has_no_interval_over_seeds_and_says_so(tmp_path: Path) -> None:
    table = comparison_table(loaded(tmp_path, mini(seeds=[1])))
    assert {(row["seeds_low"], row["seeds_high"]) for row in read(table)} == {("", "")}
    notes = {row.values["seeds_low"].note for row in table.rows}
    assert notes == {"a single seed: the spread over seeds is not known"}
    assert all(row["low"] and row["high"] for row in read(table))


def test_differences_are_those_of_the_main_table(tmp_path: Path) -> None:
    """On 31 queries in four groups, with runs missing, unscored, lost and not finite."""
    summary = loaded(tmp_path, mini(), ugly)
    main = {(row["backbone"], row["variant"]): row for row in read(main_table(summary))}
    columns = {"in-domain": "pydoc_MRR@10", "out-of-domain": "ood_mean"}
    compared = 0
    for row in read(comparison_table(summary)):
        key, column = (row["backbone"], row["variant"]), columns[row["domain"]]
        others = {"k1": (row["backbone"], "k1"), "bm25": ("bm25", "BM25")}
        if row["baseline"] in others and key != ("modernbert-large", "k16"):  # one run of which is not finite
            expected = float(main[key][column]) - float(main[others[row["baseline"]]][column])
            assert float(row["difference"]) == pytest.approx(expected, abs=2e-6)
            compared += 1
    assert compared > 20


def test_large_heads_are_held_against_twin_and_small_heads(tmp_path: Path) -> None:
    summary = loaded(tmp_path, mini())
    table = comparison_table(summary)
    twin = one(table, backbone="bert-large", baseline="bert-small/k4", domain="in-domain")
    assert twin["variant"] == "k16"
    main = {(row["backbone"], row["variant"]): float(row["pydoc_MRR@10"]) for row in read(main_table(summary))}
    assert float(twin["difference"]) == pytest.approx(main["bert-large", "k16"] - main["bert-small", "k4"], abs=2e-6)
    group = one(table, backbone="modernbert-large", baseline="small-norm/k1", domain="in-domain")
    small = (main["bert-small", "k1"] + main["modernbert-small", "k1"]) / 2
    assert float(group["difference"]) == pytest.approx(main["modernbert-large", "k16"] - small, abs=2e-6)
    assert float(group["seeds_low"]) < float(group["difference"]) < float(group["seeds_high"])
    assert "2 small-norm heads" in table.to_latex()
    assert {row["backbone"] for row in read(table) if row["baseline"] == "small-norm/k1"} == {
        "bert-large", "modernbert-large"
    }  # fmt: skip


def test_a_set_that_is_not_scored_is_no_comparison(beir: Summary, tmp_path: Path) -> None:
    """The main table shows no mean over sets of which one is missing, so there is nothing to compare."""
    config = made_up_beir()
    summary = beir_world(tmp_path, config)
    for run in config.runs():
        if run.variant.scale == 16:
            folder = summary.results.paths.results / "runs" / run.folder / "scores"
            (folder / "down20.json").unlink()
            (folder / "down20.per-query.parquet").unlink()
    summary = Summary(load_results(config, summary.results.paths))
    assert one(main_table(summary), variant="k16")["ood_mean"] == ""
    left = {(row["variant"], row["baseline"], row["domain"]) for row in read(comparison_table(summary))}
    assert ("k16", "k1", "out-of-domain") not in left and ("k16", "k1", "in-domain") in left


def nothing_moves(run: Run) -> Fate:
    return Fate(0.4, 900.0 / run.variant.scale)


@pytest.mark.usefixtures("undrawn")
def test_superscripts_in_csv_latex_and_html(beir: Summary) -> None:
    table = main_table(beir)
    found = {row["variant"]: row["ood_mean_differs_from"] for row in read(table) if row["variant"].startswith("k")}
    assert found == {"k1": "bm25", "k16": "k1 bm25"}
    assert "$^{\\mathrm{k,b}}$" in table.to_latex()
    assert "(k)" in table.caption and "(b)" in table.caption and "6 comparisons" in table.caption
    marked = [column.key for column in table.columns if column.marked]
    assert marked == ["pydoc_MRR@10", "ood_mean"], "the qualities, and no single set"
    index, page = (path.read_text() for path in make_pages(beir.config, beir.results.paths, ["index", "bert-large"]))
    assert '<sup title="differs significantly from k1 and bm25">k,b</sup>' in index
    assert "<sup" not in page and "on the page of the experiment" in page, "a backbone's page knows no other's tests"


def test_no_superscript_where_nothing_differs(tmp_path: Path) -> None:
    config = mini(grid=[{"backbones": ["bert-large"], "scales": [1, 16]}])
    summary = loaded(tmp_path, config, nothing_moves, queries=120)
    rows = {row["variant"]: row for row in read(main_table(summary))}
    assert rows["k16"]["pydoc_MRR@10_differs_from"] in ("", "bm25")
    found = one(comparison_table(summary), variant="k16", baseline="k1", domain="in-domain")
    assert math.isclose(float(found["difference"]), 0, abs_tol=1e-6)
    assert found["reading"] in ("no difference shown", "level, not worse by 0.01")


def test_nothing_run_is_an_empty_table(tmp_path: Path) -> None:
    summary = loaded(tmp_path, mini(), lambda run: Fate(0, 0, made=False))
    assert comparisons(summary) == () and read(comparison_table(summary)) == []
    assert read(main_table(summary))
