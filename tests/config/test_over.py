"""Training settings as an axis of an experiment: names of runs, jobs, plan, and what cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rescalade.config import Config, build_config
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.jobs import make_jobs
from rescalade.pipeline.plan.assumptions import Assumptions
from rescalade.pipeline.plan.plan import make_plan
from rescalade.pipeline.rows.runs import step0_settings, train_settings
from rescalade.variants import Variant
from support.graph import SMALL

NAMED = "quick/left/k1+lambda_query=0.2+learning_rate=1e-05/seed1"


def configured(grid: list[dict[str, Any]], **train: Any) -> Config:
    values = yaml.safe_load(SMALL)
    values["recipes"]["quick"]["train"] = {"max_steps": 5, "lambda_query": 0.1, **train}
    values["experiments"]["small"] |= {"grid": grid}
    return build_config(values)


def block(**over: Any) -> dict[str, Any]:
    return {"backbones": ["left"], "scales": [1], "over": over}


@pytest.mark.parametrize(
    "over",
    [
        (("lambda_query", 0.2), ("learning_rate", 1e-05)),
        (("batch_size", 64), ("regulariser_query", "l1"), ("stop_on_collapse", True)),
        (("temperature", 2.0),),
    ],
)
def test_a_name_says_what_differs_and_is_read_again(over: tuple[tuple[str, Any], ...]) -> None:
    for start in ("k1", "k4-folded-bias-offset2-adapted-bi", "kauto-loss"):
        variant = Variant.parse(start + Variant(1.0, over=over).name[2:])
        assert variant.over == over
        assert variant.start == Variant.parse(start) and variant.start.name == start
        assert Variant.parse(variant.name) == variant
        assert not variant.plain
    assert Variant(1.0, over=over[:1]).prepared is False
    assert sorted([Variant(2.0), Variant(1.0, over=over), Variant(1.0)])[0] == Variant(1.0)


def test_names_are_as_written() -> None:
    assert (
        Variant(1.0, over=(("learning_rate", 1e-05), ("temperature", 2.0))).name
        == "k1+learning_rate=1e-05+temperature=2"
    )
    assert Variant(1.0, over=(("stop_on_collapse", True),)).name == "k1+stop_on_collapse=true"
    for wrong in ("k1+", "k1+x", "k1+x=", "k1+X=1", "k1+x=a/b", "k1-bi-adapted+x=1", "k1+b=1+a=1", "k1+a=1+a=1"):
        with pytest.raises(UserError):
            Variant.parse(wrong)


def test_every_combination_is_a_variant_and_the_recipes_own_value_is_no_part_of_its_name() -> None:
    found = configured([block(lambda_query=[0.1, 0.2], learning_rate=[1.0e-5, 0.5])], learning_rate=0.5)
    assert [run.folder.split("/")[2] for run in found.runs()] == [
        "k1", "k1+lambda_query=0.2", "k1+lambda_query=0.2+learning_rate=1e-05", "k1+learning_rate=1e-05"
    ]  # fmt: skip


def test_a_run_trains_by_its_name_from_what_all_share() -> None:
    config = configured(
        [block(lambda_query=[0.1, 0.2], learning_rate=[1.0e-5]), {"backbones": ["left"], "scales": [1]}]
    )
    settings = train_settings(config, {"run": NAMED})
    assert (settings.lambda_query, settings.learning_rate, settings.max_steps) == (0.2, 1e-5, 5)
    assert train_settings(config, {"run": "quick/left/k1/seed1"}).lambda_query == 0.1
    jobs = make_jobs(config, Paths())
    assert ("rescale", "left", "k1") in jobs["train", NAMED].needs
    assert [key for key in jobs if key[0].startswith("rescale")] == [("rescale", "left", "k1")]
    assert {key[1] for key in jobs if key[0] == "train"} == {run.folder for run in config.runs()}
    losses = [key[2] for key in jobs if key[0] == "step0_loss"]
    assert sorted(losses) == sorted({run.variant.name for run in config.runs()})
    for wrong in ("k1+lambda_qery=1", "k1+learning_rate=-1"):
        with pytest.raises(UserError):
            train_settings(config, {"run": f"quick/left/{wrong}/seed1"})
    hot = configured([block(temperature=[0.5])])
    names = {"backbone": "left", "variant": "k1+temperature=0.5", "recipe": "quick"}
    assert step0_settings(hot, names).temperature == 0.5


def test_the_plan_counts_each_runs_own_steps(tmp_path: Path) -> None:
    config = configured([block(max_steps=[5, 50])])
    work = make_plan(config, Paths(tmp_path / "results", tmp_path / "report"), Assumptions()).work
    seeds = len(config.experiment.seeds)
    assert (work.runs, work.steps) == (2 * seeds, 55 * seeds)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (block(lambda_qery=[1]), "training setting 'lambda_qery'"),
        (block(learning_rate=[-1.0]), "experiments.small.grid[0].over: learning_rate: Input should be greater than 0"),
        (block(lora=["yes"]), "experiments.small.grid[0].over: lora"),
        (block(warmup_steps=[1e22]), "experiments.small.grid[0].over"),
        ({**block(query_length=[16]), "offsets": [2]}, "over.query_length: it lays out texts, on which the offsets"),
        (block(learning_rate=[]), "at least 1 item"),
    ],
)
def test_what_a_recipe_cannot_have_is_one_line(entry: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as refused:
        configured([entry])
    assert words in str(refused.value) and "\n" not in str(refused.value)


def with_recipe(grid: list[dict[str, Any]], **other: Any) -> Config:
    """Beside the experiment's recipe `quick`, another one, `gentle`."""
    values = yaml.safe_load(SMALL)
    values["recipes"]["quick"]["train"] = {"max_steps": 5, "lambda_query": 0.1}
    gentle = {"mining": values["recipes"]["quick"].get("mining", {}), "train": {"max_steps": 50, "learning_rate": 1e-5}}
    values["recipes"]["gentle"] = {**gentle, **other}
    values["backbones"]["left"]["train"] = {"batch_size": 4}
    values["experiments"]["small"] |= {"grid": grid}
    return build_config(values)


def test_a_block_may_name_another_recipe_all_of_whose_training_settings_hold() -> None:
    config = with_recipe([block(recipe=["quick", "gentle"], temperature=[1.0, 2.0])])
    assert [run.folder.split("/")[2] for run in config.runs() if run.seed == 1] == [
        "k1", "k1+recipe=gentle", "k1+recipe=gentle+temperature=2", "k1+temperature=2"
    ]  # fmt: skip
    job = train_settings(config, {"run": "quick/left/k1+recipe=gentle+temperature=2/seed1"})
    assert (job.max_steps, job.learning_rate, job.temperature) == (50, 1e-5, 2.0)
    # what is the backbone's own stands over either recipe; the rest of the other's is its default
    assert job.batch_size == 4 and job.lambda_query != 0.1
    assert config.run_settings(next(r for r in config.runs() if "gentle" in r.folder)).max_steps == 50
    work = make_plan(config, Paths(Path("nowhere")), Assumptions()).work
    assert work.steps == 2 * 55 * len(config.experiment.seeds)


def test_a_setting_that_is_the_other_recipes_own_is_left_out_of_the_name() -> None:
    config = with_recipe([block(recipe=["gentle"], learning_rate=[1.0e-5, 0.5])])
    assert {run.variant.name for run in config.runs()} == {"k1+recipe=gentle", "k1+learning_rate=0.5+recipe=gentle"}


@pytest.mark.parametrize(
    ("entry", "other", "words"),
    [
        (block(recipe=["gentel"]), {}, "recipe 'gentel'"),
        (block(recipe=[3]), {}, "recipe '3'"),
        (block(recipe=["gentle"]), {"mining": {"negatives": 7}}, "the recipe gentle mines hard negatives otherwise"),
        ({**block(recipe=["gentle"]), "offsets": [2]}, {}, "of the experiment's own recipe"),
        ({**block(recipe=["gentle"]), "scales": ["auto"], "rule": "loss"}, {}, "of the experiment's own recipe"),
    ],
)
def test_a_recipe_that_cannot_stand_beside_the_experiments_is_one_line(
    entry: dict[str, Any], other: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError) as refused:
        with_recipe([entry], **other)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_lambdas_that_follow_k_are_shown_as_they_are_trained_by() -> None:
    grid = [{"backbones": ["left"], "scales": [1, 4, "auto"], "over": {"lambda_follows_k": [False, True]}}]
    config = configured(grid, lambda_document=0.5)
    found = {run.variant.name: config.run_settings(run).lambda_document for run in config.runs()}
    follows = "+lambda_follows_k=true"
    assert found == {
        "k1": 0.5, "k4": 0.5, "kauto-width": 0.5, f"k1{follows}": 0.5, f"k4{follows}": 8.0, f"kauto-width{follows}": 0.5
    }  # fmt: skip
    job = train_settings(config, {"run": f"quick/left/k4{follows}/seed1"})
    assert (job.lambda_document, job.lambda_follows_k) == (0.5, True)  # the stage reads k beside the model


@pytest.mark.parametrize("over", [{"activation": ["log1p_relu"]}, {"temperature": [2.0]}, {"query_length": [8]}])
def test_a_rule_that_looks_at_term_weights_is_not_asked_under_other_settings_than_the_audits(
    over: dict[str, Any],
) -> None:
    grid = {"backbones": ["left"], "scales": ["auto"], "over": over}
    with pytest.raises(UserError, match="the rule 'loss' looks at term weights, and takes k from the audit of the"):
        configured([{**grid, "rule": "loss"}])
    for rule in ("width", "root", "norm"):
        assert len(configured([{**grid, "rule": rule}]).runs()) > 0
    assert len(configured([{**grid, "scales": [4], "rule": "loss"}]).runs()) > 0


@pytest.mark.parametrize("origin", [{"source": "pretrain"}, {"source": "inflate", "of": "left", "factor": 4}])
@pytest.mark.parametrize("place", ["over", "experiment", "recipe", "other recipe"])
def test_a_rate_for_the_decoder_alone_is_refused_where_it_is_known_to_be_the_embedding(
    origin: dict[str, Any], place: str
) -> None:
    values = yaml.safe_load(SMALL)
    made, rate = values["backbones"]["left"], {"decoder_learning_rate": 0.25}
    values["backbones"]["mine"] = {
        **origin,
        **({"pretrain": made["pretrain"]} if origin["source"] == "pretrain" else {}),
    }
    entry: dict[str, Any] = {"backbones": ["mine"], "scales": [4], "modes": ["untied", "folded"]}
    small, quick = values["experiments"]["small"], values["recipes"]["quick"]
    small["grid"], values["experiments"] = [entry], {"small": small}
    if place == "over":
        entry["over"] = {"decoder_learning_rate": [1, 0.25]}
    elif place == "experiment":
        small["train"] = rate
    elif place == "recipe":
        quick["train"] |= rate
    else:
        values["recipes"]["gentle"] = {"train": {**quick["train"], **rate}}
        entry["over"] = {"recipe": ["gentle"]}
    with pytest.raises(UserError, match=r"grid\[0\]: variant k4-folded\S* of mine is to .* at 0\.25 times .*\(tied\)"):
        build_config(values)
    entry["modes"] = ["untied"]
    assert build_config(values).runs()
    entry["modes"] = ["folded"]
    values["backbones"]["mine"] = {"source": "hub", "id": "some/model", "revision": "a" * 40}
    assert build_config(values).runs(), "whether it is tied is known when it is there"
