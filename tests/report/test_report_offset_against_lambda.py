"""A higher offset against larger lambdas: worlds whose answer is known, by a second recipe that is shown along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from rescalade.config import Config, Run, build_config
from rescalade.paths import Paths
from rescalade.report.claims.claim import Claim
from rescalade.report.claims.claims import evaluate_claims
from rescalade.report.figures.figures import all_figures
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from rescalade.report.tables.best_scale import rule_outcomes
from rescalade.report.tables.effectiveness import main_table
from rescalade.report.tables.tradeoff_table import tradeoff_points, tradeoff_table
from support.synthetic_fates import Fate, configuration
from support.synthetic_results import change, write_tree

DEAD = Fate(0.001, 9.0, "dead", 2)


def configured(strength: float = 10.0) -> Config:
    values = configuration()
    values["backbones"]["llama"] = {"source": "pretrain", "pretrain": {"family": "llama", "text": "pydoc-train"}}
    train = {**values["recipes"]["mini"]["train"], "lambda_query": 0.01, "lambda_document": 0.001}
    values["recipes"]["mini"]["train"] = train
    values["recipes"]["strong"] = {"train": {**train, "lambda_query": 0.01 * strength}}
    grid = [{"backbones": ["llama"], "scales": [1], "offsets": [None, 2, 3]}]
    values["experiments"]["mini"] |= {"out_of_domain": [], "also": ["strong"], "grid": grid}
    values["experiments"]["strong"] = {
        **values["experiments"]["mini"], "recipe": "strong", "also": [],
        "grid": [{"backbones": ["llama"], "scales": [1], "offsets": [None, 2]}],
    }  # fmt: skip
    return build_config(values)


def asked(
    root: Path, fate: Callable[[Run], Fate], flops: Callable[[Run], float], config: Config | None = None
) -> Claim:
    config = config or configured()
    paths = write_tree(root, config, fate, queries=80, steps=20)
    for run in [*config.runs(), *config.others()]:
        file, value = paths.results / "runs" / run.folder / "scores" / "pydoc.json", flops(run)
        change(file, lambda found, value=value: found["sparsity"].update(flops=value))  # type: ignore[misc]
    claims = {claim.id: claim for claim in evaluate_claims(config, paths)}
    return claims["offset-beats-lambda"]


def dies_without(run: Run) -> Fate:
    return DEAD if run.variant.offset is None else Fate(0.4, 3.0)


@pytest.mark.parametrize(
    ("ours", "theirs", "flops", "answer", "outcome"),
    [
        (0.40, 0.40, (2.0, 3.0), "holds", "no worse at fewer FLOPS"),
        (0.40, 0.40, (3.0, 2.0), "mixed", "no better at more FLOPS"),
        (0.30, 0.40, (2.0, 3.0), "mixed", "neither is no worse at fewer FLOPS"),
        (0.40, 0.30, (3.0, 2.0), "mixed", "neither is no worse at fewer FLOPS"),
        (0.30, 0.40, (3.0, 2.0), "mixed", "no better at more FLOPS"),
    ],
)
def test_a_pair_of_offset_three_and_two_with_ten_times_lambda(
    ours: float, theirs: float, flops: tuple[float, float], answer: str, outcome: str, tmp_path: Path
) -> None:
    """Without any offset the larger lambdas die, which speaks for both offsets."""

    def fate(run: Run) -> Fate:
        if run.variant.offset is None:
            return DEAD
        return Fate(theirs if run.recipe == "strong" else ours, 3.0)

    claim = asked(tmp_path, fate, lambda run: flops[1] if run.recipe == "strong" else flops[0])
    assert claim.result == answer
    found = {(row["Backbone"], row["Held against"]): row["Outcome"] for row in claim.details}
    assert found == {
        ("llama, k = 1, tied, offset 2", "k = 1, tied by strong"): "the other collapses",
        ("llama, k = 1, tied, offset 3", "k = 1, tied by strong"): "the other collapses",
        ("llama, k = 1, tied, offset 3", "k = 1, tied, offset 2 by strong"): outcome,
    }


def test_a_recipe_whose_lambdas_are_no_larger_says_nothing(tmp_path: Path) -> None:
    assert asked(tmp_path, dies_without, lambda run: 1.0, configured(strength=0.1)).result == "not run"


def test_seeds_that_disagree_and_two_that_collapse_decide_nothing(tmp_path: Path) -> None:
    claim = asked(tmp_path / "dead", lambda _: DEAD, lambda run: 1.0)
    assert claim.result == "cannot be said" and {row["Outcome"] for row in claim.details} == {"both collapse"}
    claim = asked(tmp_path / "seeds", lambda run: DEAD if run.seed == 1 else Fate(0.4, 3.0), lambda run: 1.0)
    assert claim.result == "cannot be said"


def test_larger_lambdas_may_be_variants_of_the_same_experiment(tmp_path: Path) -> None:
    """The same three pairs without a second recipe; tables and figure name the setting."""
    values = configuration()
    values["backbones"]["llama"] = {"source": "pretrain", "pretrain": {"family": "llama", "text": "pydoc-train"}}
    values["recipes"]["mini"]["train"] |= {"lambda_query": 0.01, "lambda_document": 0.001}
    values["experiments"]["mini"] |= {
        "out_of_domain": [],
        "grid": [
            {"backbones": ["llama"], "scales": [1], "offsets": [None, 2], "over": {"lambda_query": [0.01, 0.1]}},
            {"backbones": ["llama"], "scales": [1], "offsets": [3]},
        ],
    }
    config = build_config(values)

    def fate(run: Run) -> Fate:
        return DEAD if run.variant.offset is None else Fate(0.4, 3.0)

    claim = asked(tmp_path, fate, lambda run: 3.0 if run.variant.over else 2.0, config)
    assert claim.result == "holds"
    assert {(row["Backbone"], row["Held against"]) for row in claim.details} == {
        ("llama, k = 1, tied, offset 2", "k = 1, tied, lambda_query 0.1"),
        ("llama, k = 1, tied, offset 3", "k = 1, tied, lambda_query 0.1"),
        ("llama, k = 1, tied, offset 3", "k = 1, tied, offset 2, lambda_query 0.1"),
    }
    summary = Summary(load_results(config, Paths(tmp_path / "results", tmp_path / "report")))
    rows = [row for row in main_table(summary).rows if row.kind not in ("baseline", "absent")]
    assert [row.values["variant"].raw for row in rows] == [
        "k1", "k1+lambda_query=0.1", "k1-offset2", "k1-offset2+lambda_query=0.1", "k1-offset3",
    ]  # fmt: skip
    points = [(point.variant.name, point.lambda_query) for point in tradeoff_points(summary)]
    assert ("k1-offset2", 0.01) in points and ("k1-offset2+lambda_query=0.1", 0.1) in points
    (figure,) = [found for found in all_figures(summary) if found.name == "tradeoff"]
    axes = Figure().add_subplot()
    figure.panels[0].draw(axes)
    assert sorted(len(line.get_xdata()) for line in axes.lines) == [1, 2, 2]  # a curve over lambda for each offset


def test_the_table_of_the_tradeoff_tells_offsets_apart(tmp_path: Path) -> None:
    config = configured()
    paths = write_tree(tmp_path, config, dies_without, queries=20, steps=20)
    rows = tradeoff_table(Summary(load_results(config, paths))).rows
    titles = [row.values["variant"].text for row in rows]
    assert titles == [
        *["k = 1, tied"] * 2, *["k = 1, tied, offset 2"] * 2, "k = 1, tied, offset 3",
    ]  # fmt: skip


def test_what_an_offset_does_is_no_merit_of_k(tmp_path: Path) -> None:
    """The rules' k is held against cells of which the head is divided and nothing else done."""
    config = configured()
    summary = Summary(load_results(config, write_tree(tmp_path, config, dies_without, queries=20, steps=20)))
    outcomes = list(rule_outcomes(summary))
    assert outcomes and {one.nearest.variant.name for one in outcomes if one.nearest} == {"k1"}
    assert {one.best.variant.name for one in outcomes if one.best} == {"k1"}


@pytest.mark.parametrize(("offset", "answer"), [(None, "holds"), (2, "does not hold")])
def test_a_head_that_an_offset_rescues_is_not_rescued_by_division(
    offset: float | None, answer: str, tmp_path: Path
) -> None:
    """Of the cells at k = 4 one trains: the divided one, or the one that has an offset too."""
    values = configuration()
    values["experiments"]["mini"]["grid"] = [
        {"backbones": ["bert-small"], "scales": [1]},
        {"backbones": ["bert-large"], "scales": [1, 4]},
        {"backbones": ["bert-large"], "scales": [4], "offsets": [2]},
    ]

    def fate(run: Run) -> Fate:
        trains = run.backbone == "bert-small" or (run.variant.scale, run.variant.offset) == (4, offset)
        return Fate(0.4, 9.0) if trains else DEAD

    config = build_config(values)
    claims = evaluate_claims(config, write_tree(tmp_path, config, fate, queries=80, steps=20))
    assert {claim.id: claim.result for claim in claims}["division-rescues"] == answer
