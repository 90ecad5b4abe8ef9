"""Experiments that evaluate what others have made, in a file and from the command line's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rescalade.config import Config, build_config
from rescalade.config.evaluation import Evaluation
from rescalade.config.load import load_config, read_values
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.jobs import make_jobs

TEXT = """
experiment: look
sources: {irds: {kind: ir_datasets}}
datasets:
  train: {source: irds, id: train}
  test: {source: irds, id: test}
  other: {source: irds, id: other}
backbones:
  theirs: {source: hub, id: owner/theirs, revision: main}
  made: {source: pretrain, pretrain: {family: bert, text: train}}
recipes: {quick: {train: {max_steps: 5}}}
experiments:
  look: {title: A look, in_domain: [test], out_of_domain: [other], models: [theirs]}
"""


def values(**experiment: Any) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(TEXT)
    found["experiments"]["look"].update(experiment)
    return found


def rules(config: Config) -> set[str]:
    return {key[0] for key in make_jobs(config, Paths())}


def test_an_evaluation_trains_nothing() -> None:
    config = build_config(values())
    made = rules(config)
    assert made >= {"ready", "encode", "index", "search", "score", "bm25", "index_page"}
    assert not made & {"backbone", "train", "rescale", "triples", "step0_loss", "audit_backbone", "page"}
    assert config.datasets() == ["test", "other"] and config.backbones() == [] == config.runs()
    (encode,) = {job.names["run"] for job in make_jobs(config, Paths()).values() if job.rule == "encode"}
    assert encode == "ready/theirs/k1/ready"


def test_models_stand_beside_runs_and_can_be_where_these_begin() -> None:
    grid = [{"backbones": ["theirs"], "scales": [1]}]
    config = build_config(values(grid=grid, recipe="quick", train_on="train"))
    assert {"ready", "backbone", "train"} <= rules(config)


def test_a_run_of_others_needs_no_model() -> None:
    config = build_config(values(models=[], runs={"bm25-tuned": {"files": {"test": "run.trec"}}}))
    jobs = make_jobs(config, Paths())
    assert [key for key in jobs if key[0] == "score_given"] == [("score_given", "look", "bm25-tuned", "test")]
    assert not rules(config) & {"ready", "encode", "index"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"models": []}, "nothing to do"),
        ({"models": ["made"]}, "made is of source pretrain"),
        ({"models": ["thiers"]}, "did you mean 'theirs'"),
        ({"grid": [{"backbones": ["made"], "scales": [1]}]}, "recipe: required"),
        ({"quantised": ["int8-weight"]}, "has no meaning where nothing is trained"),
        ({"runs": {"a": {"files": {"tset": "run.trec"}}}}, "unknown data set 'tset'"),
    ],
)
def test_mistakes_are_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        build_config(values(**changes))


def test_the_recipe_of_others_is_no_name_for_ones_own() -> None:
    found = values()
    found["recipes"]["ready"] = {}
    with pytest.raises(UserError, match=r"recipes\.ready"):
        build_config(found)


def test_a_set_that_is_trained_on_and_tested_is_warned_of(tmp_path: Path) -> None:
    grid = [{"backbones": ["made"], "scales": [1]}]
    found = values(grid=grid, recipe="quick", train_on="train", models=[])
    found["datasets"]["again"] = {"source": "irds", "id": "train", "title": "The same under another name"}
    for tested, words in (("train", "the same set"), ("again", "the same texts"), ("test", "")):
        found["experiments"]["look"]["in_domain"] = [tested]
        path = tmp_path / f"{tested}.yaml"
        path.write_text(yaml.safe_dump(found))
        notices = [line for line in load_config([path]).notices if "trains on" in line]
        assert [words in line for line in notices] == ([True] if words else []), notices


def test_words_of_the_command_line_become_entries(tmp_path: Path) -> None:
    read = read_values([], None)
    read.values.update(values())
    folder = tmp_path / "results" / "runs" / "mini" / "bert" / "k4" / "seed1"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "config.json").write_text("{}")
    wanted = Evaluation()
    names = [wanted.add_model(read, text, None, trained=False) for text in (str(folder), "owner/theirs", "owner/new")]
    assert names == ["mini-bert-k4-seed1", "theirs", "owner-new"]
    (tmp_path / "own set").mkdir()
    wanted.add_dataset(read, str(tmp_path / "own set"), ["AP"])
    wanted.add_dataset(read, "test", ["AP"])
    read.values["sources"]["files"] = {"kind": "files"}
    config = wanted.config(read, "evaluate", {"query_length": 32})
    assert config.experiment.in_domain == ["own-set", "test"] and config.experiment.models == names
    assert config.backbone("owner-new").revision == "main" and config.backbone(names[0]).path == str(folder / "model")
    assert config.dataset("test").measures == ["AP"] and config.model.retrieval.query_length == 32


def test_two_folders_of_one_name_are_two_models(tmp_path: Path) -> None:
    read, wanted = read_values([], None), Evaluation()
    for name in ("a", "b"):
        (tmp_path / name / "model").mkdir(parents=True)
    names = [wanted.add_model(read, str(tmp_path / name / "model"), None, trained=True) for name in ("a", "b", "a")]
    assert names == ["model", "model-2", "model"]


@pytest.mark.parametrize("text", ["nowhere", "a/b/c", "./gone"])
def test_what_is_no_model_or_data_set_is_said(text: str) -> None:
    with pytest.raises(UserError, match="there is none of that name"):
        Evaluation().add_model(read_values([], None), text, None, trained=False)
    with pytest.raises(UserError, match="there is none of that name"):
        Evaluation().add_dataset(read_values([], None), text, [])


def test_two_folders_of_one_name_are_two_data_sets(tmp_path: Path) -> None:
    read, wanted = read_values([], None), Evaluation()
    folders = [tmp_path / place / "own" for place in ("a", "b")]
    for folder in [*folders, folders[0]]:
        folder.mkdir(parents=True, exist_ok=True)
        wanted.add_dataset(read, str(folder), [])
    assert wanted.datasets == ["own", "own-2"]
    assert [wanted.new_datasets[name]["path"] for name in wanted.datasets] == [str(folder) for folder in folders]
