"""Factors of made-up outcomes: causes that are known are found again, by shares and by matched pairs."""

from __future__ import annotations

import csv
import io
import math
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM
from statsmodels.regression.linear_model import OLS

from rescalade.config import Config, Run, build_config, load_config
from rescalade.config.axes import Axis
from rescalade.paths import Paths
from rescalade.report.pages.page import make_pages
from rescalade.report.results.collapse_shares import fitted_deviance, shares_of_counts
from rescalade.report.results.design import Design, basis, design_of, independent
from rescalade.report.results.load import load_results
from rescalade.report.results.logit import deviance, logits
from rescalade.report.results.matched_pairs import pairs_of
from rescalade.report.results.quality_shares import r2_of, shares_of_values
from rescalade.report.results.shares import Shares, resampled
from rescalade.report.results.summary import Cell, Summary
from rescalade.report.tables.factors import effect_table, share_table, where_table
from rescalade.variants import Variant
from support.shipped import REPOSITORY
from support.synthetic_fates import AXES, Fate, configuration
from support.synthetic_results import write_tree

LEVELS = {"family": ("BERT", "ModernBERT"), "norm": ("small", "large"), "k": ("1", "4", "16")}
Levels = dict[str, str]


def design(
    interactions: Sequence[tuple[int, ...]] = (), there: Callable[[Levels], bool] = lambda levels: True
) -> tuple[Design, list[Levels]]:
    """Every combination of the levels above that is there, of invented backbones."""
    every = [dict(zip(LEVELS, chosen, strict=True)) for chosen in product(*LEVELS.values())]
    cells = [levels for levels in every if there(levels)]
    axes = [Axis((name,), name, levels, tuple(one[name] for one in cells)) for name, levels in LEVELS.items()]
    named = [Cell(f"{one['family']}-{one['norm']}", Variant(float(one["k"])), (), ()) for one in cells]
    return Design(tuple(named), tuple(axes), tuple(interactions)), cells


def fails(levels: Levels) -> bool:
    """A large head that is not divided."""
    return levels["norm"] == "large" and levels["k"] == "1"


def lost(shares: Shares | None) -> list[float | None]:
    assert shares is not None
    return [share.lost for share in shares.axes]


def test_shares_of_quality_by_hand() -> None:
    """Two seeds, .01 apart; 1 but for a large head undivided, which has 0: of six norms and scales, one."""
    made, cells = design([(1, 2)])
    whole = shares_of_values(made, [[1.0 - fails(one)] * 2 for one in cells])
    # variance 5/36; of scales alone (means 1/2, 1, 1) 1/18, of norms alone (1, 2/3) 1/36
    assert lost(whole) == pytest.approx([0.0, 1 - 2 / 5, 1 - 1 / 5], abs=1e-12)
    assert whole is not None and (whole.told, whole.seeds) == pytest.approx((1.0, 0.0), abs=1e-12)
    assert [share.depends for share in whole.axes] == pytest.approx([0.0, 0.4, 0.4], abs=1e-12)
    # without the interaction the norm has 1/36, the scale 1/18, and the rest lies between cells
    plain = shares_of_values(design()[0], [[1.0 - fails(one)] * 2 for one in cells])
    assert lost(plain) == pytest.approx([0.0, 0.2, 0.4], abs=1e-12)
    assert plain is not None and (plain.told, plain.unexplained) == pytest.approx((0.6, 0.4))
    noisy = shares_of_values(made, [[1.0 - fails(one), 1.01 - fails(one)] for one in cells])
    # each cell has its own variance of .005^2 beside 5/36
    assert noisy is not None and noisy.seeds == pytest.approx(0.005**2 / (5 / 36 + 0.005**2))
    assert noisy.told + noisy.unexplained + noisy.seeds == pytest.approx(1.0)
    for share in noisy.axes[1:]:
        assert share.low is not None and share.low < share.lost < share.high < share.low + 0.02  # type: ignore[operator]


def test_shares_of_collapse_by_hand_where_the_cells_are_separated() -> None:
    made, cells = design([(1, 2)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = shares_of_counts(made, [2 * fails(one) for one in cells], [2] * len(cells))

    def entropy(share: float) -> float:
        return -share * math.log(share) - (1 - share) * math.log(1 - share)

    # of all runs a sixth collapsed; of k = 1, a third of them, one half; of large heads, a half of them, one third
    nothing = entropy(1 / 6)
    expected = [0.0, entropy(1 / 2) / 3 / nothing, entropy(1 / 3) / 2 / nothing]
    assert lost(found) == pytest.approx(expected, abs=1e-6)
    assert found is not None and found.told == pytest.approx(1.0, abs=1e-6) and found.seeds == 0
    assert found.axes[1].low == pytest.approx(expected[1]) == found.axes[1].high  # all seeds agree
    assert shares_of_counts(made, [0] * len(cells), [2] * len(cells)) is None


def test_one_cause_has_all_and_noise_has_nothing_that_holds_for_another_cell() -> None:
    made, cells = design([(0, 1), (1, 2)])
    rng = np.random.default_rng(5)
    cause = shares_of_values(made, [0.6 * (one["norm"] == "small") + rng.normal(0, 0.01, 3) for one in cells])
    assert lost(cause) == pytest.approx([0.0, 1.0, 0.0], abs=0.01)
    assert cause is not None and cause.predicted is not None and cause.predicted > 0.99
    noise = [shares_of_values(made, rng.normal(0, 1, (len(cells), 3))) for _ in range(10)]
    chance = [shares_of_counts(made, rng.binomial(3, 0.4, len(cells)).tolist(), [3] * len(cells)) for _ in range(10)]
    assert np.mean([one.predicted for one in noise if one is not None and one.predicted is not None]) < 0
    assert np.mean([one.predicted for one in chance if one is not None and one.predicted is not None]) < 0.6
    # 35 degrees of freedom in all, 7 of the model's parameters beside the mean and 24 within cells
    parts = [(one.told, one.seeds) for one in noise if one is not None]
    assert np.mean(parts, axis=0) == pytest.approx([7 / 35, 24 / 35], abs=0.08)


def test_an_axis_that_no_cell_tells_from_another_has_no_share() -> None:
    made, cells = design(there=lambda one: (one["family"] == "BERT") == (one["norm"] == "small"))
    found = shares_of_values(made, [[float(one["norm"] == "small"), 0.5] for one in cells])
    assert lost(found)[:2] == [None, None]
    assert found is not None and found.axes[2].lost == pytest.approx(0.0, abs=1e-12)
    assert shares_of_values(made, [[0.5, 0.5]] * len(cells)) is None


def uneven(seed: int) -> tuple[Design, np.ndarray, np.ndarray, np.ndarray]:
    """A part of all combinations, with one to three runs each: counts that hold, runs, values of runs."""
    rng = np.random.default_rng(seed)
    made, cells = design(
        [(0, 1), (1, 2)], there=lambda one: one["k"] != "16" or (one["family"], one["norm"]) == ("BERT", "large")
    )
    runs = rng.integers(1, 4, len(cells))
    return made, rng.binomial(runs, rng.uniform(0, 1, len(cells))), runs, rng.normal(size=runs.sum())


def test_the_fast_route_agrees_with_statsmodels() -> None:
    made, counts, runs, y = uneven(1)
    for terms in (made.terms, made.without(1), made.additive_in(2)):
        columns = made.columns(terms)
        of_runs = np.repeat(columns, runs, axis=0)
        assert r2_of(y[None], basis(of_runs))[0] == pytest.approx(
            OLS(y, independent(of_runs)).fit().rsquared, abs=1e-10
        )
        separated = np.where(columns[:, -1] > 0, runs, 0)  # by the last column
        both, of = np.array([counts, separated], dtype=float), runs.astype(float)
        for alike in (False, True):
            fast = deviance(both, of, logits(both, of, basis(columns), alike))
            assert fast == pytest.approx([fitted_deviance(c, of, columns) for c in both], abs=1e-4)
    # one by one, runs have the deviance that shares are of
    found = shares_of_counts(made, counts.tolist(), runs.tolist())
    holds = np.concatenate([np.arange(n) < c for c, n in zip(counts, runs, strict=True)]).astype(float)
    model = GLM(holds, independent(np.repeat(made.columns(made.terms), runs, axis=0)), family=Binomial()).fit()
    assert found is not None and found.told == pytest.approx(1 - model.deviance / model.null_deviance, abs=1e-6)
    assert found.told + found.unexplained + found.seeds == pytest.approx(1.0)


def test_cells_left_out_by_refits() -> None:
    made, counts, runs, y = uneven(2)
    columns, cells = made.columns(made.terms), np.repeat(np.arange(len(runs)), runs)
    errors, spread, right, of, told, held = 0.0, 0.0, 0.0, 0, 0, 0
    for cell in range(len(runs)):
        rest = np.arange(len(runs)) != cell
        if np.linalg.matrix_rank(columns[rest]) < np.linalg.matrix_rank(columns):
            continue  # the others say nothing of it
        told += 1
        inside = cells == cell
        beta = np.linalg.lstsq(columns[cells[~inside]], y[~inside], rcond=None)[0]
        errors += ((y[inside] - columns[cell] @ beta) ** 2).sum()
        spread += ((y[inside] - y[~inside].mean()) ** 2).sum()
        both = np.column_stack([counts, runs - counts])[rest]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = GLM(both, columns[rest], family=Binomial()).fit().predict(columns[[cell]])[0]
        right += counts[cell] if fitted > 0.5 else runs[cell] - counts[cell]
        of += runs[cell]
        held += counts[cell]
    values = [y[cells == cell].tolist() for cell in range(len(runs))]
    quality, collapse = shares_of_values(made, values), shares_of_counts(made, counts.tolist(), runs.tolist())
    assert quality is not None and collapse is not None and 0 < told < len(runs)
    assert (quality.predictable, collapse.predictable) == (told, told)
    assert quality.predicted == pytest.approx(1 - errors / spread)
    assert (collapse.predicted, collapse.chance) == pytest.approx((right / of, max(held, of - held) / of))


def test_seeds_are_drawn_again_within_their_cell() -> None:
    places = resampled([3, 1, 2], replicates=2000)
    assert places.shape == (2000, 6) and set(places[:, 3]) == {3}
    assert set(places[:, 0]) == {0, 1, 2} == set(places[:, 2]) and set(places[:, 5]) == {4, 5}
    assert np.bincount(places[:, :3].ravel()) / 6000 == pytest.approx([1 / 3] * 3, abs=0.03)


GRID = [
    {"backbones": [*AXES["norm"]["levels"]["small"], *AXES["norm"]["levels"]["large"]], "scales": [1, 4]},
    {"backbones": ["bert-large"], "scales": [1], "over": {"temperature": [4.0]}},
]


def configured() -> Config:
    values = configuration()
    factors = {"axes": AXES, "interactions": [["norm", "k"], ["norm", "bias"]]}
    values["experiments"]["mini"] |= {"grid": GRID, "factors": factors}
    return build_config(values)


def fate(run: Run) -> Fate:
    """A large head fails undivided; ModernBERT's is better by .1; a temperature mends, but for one seed."""
    if run.variant.over and run.seed == 2:
        return Fate(0.5, 4.0)
    if run.backbone.endswith("large") and run.variant.scale == 1:
        return Fate(0.1, 90.0, "dead", since=4)
    return Fate(0.6 if run.backbone.startswith("modern") else 0.5, 4.0)


def rows(text: str, key: str) -> dict[str, dict[str, str]]:
    return {row[key]: row for row in csv.DictReader(io.StringIO(text))}


@pytest.mark.usefixtures("undrawn")
def test_tables_of_what_decides(tmp_path: Path) -> None:
    config = configured()
    paths = write_tree(tmp_path, config, fate, queries=40, steps=20)
    summary = Summary(load_results(config, paths))
    effects = rows(effect_table(summary).to_csv(), "axis")
    assert {*list(effects)[:2]} == {"k", "norm"} and list(effects)[2:] == ["temperature", "family"]  # by what turns
    # k: four backbones; the large ones train when divided, by .4 and .5
    scale = effects["k"]
    assert [scale[key] for key in ("level", "pairs", "mended", "broken")] == ["4 against 1", "4", "2", "0"]
    assert [float(scale[key]) for key in ("difference", "least", "greatest")] == pytest.approx([0.225, 0.0, 0.5])
    assert scale["shared"] == "now train: Row norm large"
    assert [effects["norm"][key] for key in ("pairs", "mended", "broken", "shared")] == [
        "4",
        "",
        "2",
        "now fail: Scale k 1",
    ]
    # no small head fails, so that none can be mended; ModernBERT is better by .1, but by 0 where both are dead
    assert [effects["family"][key] for key in ("pairs", "mended", "broken", "shared")] == ["4", "0", "0", ""]
    assert float(effects["family"]["difference"]) == pytest.approx(0.075)
    # half of the seeds collapsed: not more than half
    assert [effects["temperature"][key] for key in ("pairs", "mended", "difference")] == ["1", "1", "0.2"]
    # of the interaction of norm and k: the other two parts, of small heads or of k = 4, have no pair that turns
    where = list(csv.DictReader(io.StringIO(where_table(summary).to_csv())))
    parts = {(row["axis"], row["where"]): [row[key] for key in ("pairs", "mended", "broken")] for row in where}
    assert parts == {("k", "Row norm large"): ["2", "2", ""], ("norm", "Scale k 1"): ["2", "", "2"]}
    assert {row["difference"] for row in where} == {"0.45", "-0.45"}
    found = rows(share_table(summary).to_csv(), "axis")
    assert list(found)[-3:] == ["all", "cells", "seeds"] and set(found) > {"family", "norm", "k", "temperature"}
    assert (found["k"]["moved"], found["temperature"]["moved"]) == ("4", "1")
    for name in ("quality", "collapse"):
        assert sum(float(found[part][f"{name}_share"]) for part in ("all", "cells", "seeds")) == pytest.approx(1)
        assert float(found["norm"][f"{name}_share"]) > 0.5 < float(found["k"][f"{name}_share"])
        assert float(found["family"][f"{name}_share"]) < 0.05
    page = make_pages(config, paths, ["index"])[0].read_text()
    assert "Which axis decides" in page and "Interactions in the model: Row norm x Scale k." in page


def test_nothing_is_said_of_what_was_not_run(tmp_path: Path) -> None:
    summary = Summary(load_results(configured(), Paths(tmp_path / "results", tmp_path / "report")))
    assert {row["pairs"] for row in rows(effect_table(summary).to_csv(), "axis").values()} == {"0"}
    assert {row["quality_share"] for row in rows(share_table(summary).to_csv(), "axis").values()} == {""}


def test_pairs_of_a_variant_are_of_one_backbone() -> None:
    """Two backbones of the same levels make pairs of their own where k moves, and all four where the norm does."""
    names = ["a-small", "b-small", "a-large", "b-large"]
    cells = [Cell(name, Variant(scale), (), ()) for name, scale in product(names, (1.0, 4.0))]
    norm = Axis(("norm",), "norm", ("small", "large"), tuple(cell.backbone[2:] for cell in cells))
    scale = Axis(("k",), "k", ("1", "4"), tuple(f"{cell.variant.scale:g}" for cell in cells))
    made = Design(tuple(cells), (norm, scale), ())
    assert len(pairs_of(made, 1, "4", of_backbones=False)) == 4
    assert len(pairs_of(made, 0, "large", of_backbones=True)) == 8


def test_the_design_of_why_tells_all_that_it_asks(tmp_path: Path) -> None:
    """Each declared interaction of `why` adds something to the model, and so does each axis."""
    config = load_config([REPOSITORY / "config.yaml"], "why")
    made = design_of(Summary(load_results(config, Paths(tmp_path / "results", tmp_path / "report"))))
    factors = config.experiment.factors
    assert factors is not None and {len(some) for some in made.interactions} == {2, 3}
    names = [{name for place in term for name in made.axes[place].names} for term in made.interactions]
    for declared in factors.interactions:
        for pair in (set(some) for size in (2, 3) for some in combinations(declared, size)):
            assert any(pair <= named for named in names), pair
    full = basis(made.columns(made.terms)).shape[1]
    for term in made.terms:
        rest = [other for other in made.terms if not set(term) <= set(other)]
        assert basis(made.columns(rest)).shape[1] < full, term


def test_reports_without_factors_do_not_load_statsmodels() -> None:
    program = "import sys; from rescalade.report.tables.tables import entries; entries(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY / "workflow"
    )
    assert "rescalade.report.results.quality_shares" in done.stdout and "statsmodels" not in done.stdout
