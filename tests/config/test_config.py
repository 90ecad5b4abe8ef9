"""Wrong configurations end in one line with the place and the nearest valid name."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rescalade.config import Config, load_config
from rescalade.config.errors import Lines
from rescalade.config.files import read_file
from rescalade.config.model import ConfigModel
from rescalade.errors import UserError
from rescalade.pipeline.graph import STAGES
from rescalade.pipeline.stage_row import as_json
from rescalade.runs import Run
from rescalade.variants import Variant
from support.shipped import shipped

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    loaded: dict[str, Any] = shipped()
    return loaded


def load(values: dict[str, Any], tmp_path: Path, change: Callable[[dict[str, Any]], Any]) -> Config:
    changed = copy.deepcopy(values)
    change(changed)
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(changed, sort_keys=False))
    return load_config([path], catalogue=None)


def first_backbone(values: dict[str, Any]) -> str:
    return next(iter(values["backbones"]))


CASES: list[tuple[Callable[[dict[str, Any]], Any], list[str]]] = [
    (
        lambda v: v["recipes"]["mini"]["train"].update(learning_rat=1),
        ["recipes.mini.train.learning_rat", "'learning_rate'"],
    ),
    (lambda v: v["recipes"]["mini"]["train"].update(learning_rate="3e-5"), ["YAML reads '3e-5' as text", "3.0e-5"]),
    (lambda v: v["recipes"]["mini"]["train"].update(batch_size="32"), ["batch_size", "number"]),
    (lambda v: v["experiments"]["mini"]["grid"][0].update(backbones=["bert-smal"]), ["'bert-smal'", "'bert-small'"]),
    (lambda v: v["experiments"]["mini"]["grid"][0].update(scale=[1]), ["grid[0].scale", "'scales'"]),
    (lambda v: v["experiments"]["mini"]["grid"][0].update(scales=[0.0]), ["grid[0].scales[0]", "greater than 0"]),
    (lambda v: v["experiments"]["mini"]["grid"][0].update(modes=["halved"]), ["modes[0]"]),
    (lambda v: v["experiments"]["mini"]["grid"][0].update(scales=["best"]), ["grid[0].scales[0]"]),
    (lambda v: v["experiments"]["mini"]["grid"][0].update(scales=["auto"], rule="luck"), ["grid[0].rule"]),
    (lambda v: v["experiments"]["mini"].update(recipe="mimi"), ["unknown recipe 'mimi'", "'mini'"]),
    (lambda v: v["experiments"]["mini"].update(in_domain=["pydok"]), ["unknown data set 'pydok'", "'pydoc'"]),
    (lambda v: v.update(experiment="minni"), ["unknown experiment 'minni'", "'mini'"]),
    (lambda v: v["backbones"]["bert-small"].update(train={"lerning_rate": 1.0}), ["bert-small.train.lerning_rate"]),
    (lambda v: v["backbones"]["bert-small"].update(train={"learning_rate": -1.0}), ["greater than 0"]),
    (lambda v: v["backbones"]["bert-small"].pop("source"), ["backbones.bert-small.source", "required"]),
    (lambda v: v["backbones"]["bert-small"].update(source="hub"), ["backbones.bert-small", "hub"]),
    (lambda v: v["backbones"]["bert-small"]["pretrain"].update(width=100, heads=3), ["multiple of heads 3"]),
    (lambda v: v["experiments"]["mini"].update(expect=["nosuch"]), ["unknown claim 'nosuch'"]),
    (lambda v: v["experiments"]["mini"]["grid"][0].update(scales=[0.00001]), ["at most six digits"]),
    (lambda v: v["backbones"].update(mine={"source": "hub", "id": "a/b"}), ["backbones.mine.revision", "required"]),
    (lambda v: v["backbones"]["bert-small"].update(model_type="bert"), ["bert-small.model_type", "source: pretrain"]),
    (
        lambda v: v["backbones"].update(mine={"source": "hub", "id": "a/b", "revision": "1", "model_type": "bret"}),
        ["backbones.mine", "unknown model_type 'bret'", "'bert'"],
    ),
    (lambda v: v["backbones"]["bert-large"].update(twin="nobody"), ["unknown backbone 'nobody'"]),
    (lambda v: v["backbones"].update({"bad name": {"source": "local", "path": "x"}}), ["bad name"]),
    (lambda v: v.pop("experiments"), ["experiments", "required"]),
    (lambda v: v.update(experimets={}), ["experimets", "'experiments'"]),
]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "backbones:\n  a: {source: local, path: x}\nexperiment: mini\nbackbones:\n  b: {}\n",
            "lines 1 and 4: backbones",
        ),
        ("backbones:\n  a: {source: local}\n  b: {}\n  a: {}\n", "lines 2 and 4: backbones.a"),
        ("backbones:\n  a: {path: x, path: y}\n", "line 2: backbones.a.path"),
        ("experiments: {mini: {grid: [{scales: [1]}, {scales: [1], scales: [2]}]}}", "grid[1].scales"),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_both_lines(text: str, said: str, tmp_path: Path) -> None:
    """In any of the files; a YAML reader by itself keeps the last and says nothing."""
    files = [tmp_path / name for name in ("first.yaml", "over.yaml")]
    files[0].write_text("experiment: mini\n")
    files[1].write_text(text)
    with pytest.raises(UserError, match="is there twice") as error:
        load_config(files)
    assert said in str(error.value) and "over.yaml" in str(error.value)


def test_no_yaml_of_the_repository_has_a_key_twice() -> None:
    """Published numbers, profiles and environments are read by others, who keep the last."""
    files = [*(REPOSITORY / "workflow").rglob("*.yaml"), *(REPOSITORY / "profiles").rglob("*.yaml")]
    assert len(files) > 8
    for path in [*files, REPOSITORY / "envs" / "rescalade.yaml"]:
        Lines().add(path, yaml.compose(path.read_text(encoding="utf-8")))


def test_what_is_merged_may_be_named_more_than_once(tmp_path: Path) -> None:
    """`<<` is no key of its own, and a key beside it goes over what it brings."""
    path = tmp_path / "config.yaml"
    path.write_text("a: &a {x: 1}\nb: &b {y: 2}\nc:\n  <<: *a\n  <<: *b\n  x: 3\n")
    assert read_file(path, Lines())["c"] == {"x": 3, "y": 2}
    path.write_text("a: &a [*a]\n")
    with pytest.raises(UserError, match="inside what it refers to"):
        read_file(path, Lines())


@pytest.mark.parametrize(("change", "expected"), CASES)
def test_a_mistake_is_named(
    change: Callable[[dict[str, Any]], Any], expected: list[str], values: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(UserError) as caught:
        load(values, tmp_path, change)
    message = str(caught.value)
    assert "\n" not in message
    for part in expected:
        assert part in message


def test_the_line_of_the_mistake_is_given(values: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        load(values, tmp_path, lambda v: v["recipes"]["mini"]["train"].update(zzz=1))
    lines = (tmp_path / "config.yaml").read_text().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "zzz" in line)
    assert f"line {number}:" in str(caught.value)


@pytest.mark.parametrize("text", ["a: [", "- just\n- a list\n", "\tx: 1"])
def test_what_is_not_a_mapping_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_config([path])
    assert "c.yaml" in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.yaml"):
        load_config([tmp_path / "nowhere.yaml"])


def test_layers_recipe_experiment_backbone(values: dict[str, Any], tmp_path: Path) -> None:
    def change(v: dict[str, Any]) -> None:
        v["recipes"]["mini"]["train"].update(learning_rate=0.25, weight_decay=0.25, beta1=0.25)
        v["experiments"]["mini"]["train"] = {"weight_decay": 0.5, "beta1": 0.5}
        v["backbones"]["bert-small"]["train"] = {"beta1": 0.75}

    def unset(v: dict[str, Any]) -> None:
        v["backbones"]["bert-small"]["train"] = {"max_steps": None, "epochs": 2.0}

    assert load(values, tmp_path, unset).train_settings("bert-small").max_steps is None  # null counts as a value
    config = load(values, tmp_path, change)
    found = config.train_settings("bert-small")
    assert (found.learning_rate, found.weight_decay, found.beta1) == (0.25, 0.5, 0.75)
    assert config.train_settings("bert-large").beta1 == 0.5


def test_a_second_file_lies_over_the_first(values: dict[str, Any], tmp_path: Path) -> None:
    over = tmp_path / "over.yaml"
    over.write_text("experiments: {mini: {seeds: [9]}}\n")
    config = load_config([REPOSITORY / "config.yaml", over])
    assert {run.seed for run in config.runs("mini")} == {9}
    assert config.experiment.recipe == values["experiments"]["mini"]["recipe"]


def test_two_experiments_may_not_train_one_run_differently(values: dict[str, Any], tmp_path: Path) -> None:
    def change(v: dict[str, Any]) -> None:
        v["experiments"]["other"] = {**v["experiments"]["mini"], "train": {"learning_rate": 0.5}}

    with pytest.raises(UserError, match=r"'mini' and 'other'.*recipe of its own"):
        load(values, tmp_path, change)


def test_settings_of_a_branch_change_alone(values: dict[str, Any], tmp_path: Path) -> None:
    before = load(values, tmp_path, lambda v: None)
    after = load(values, tmp_path, lambda v: v["backbones"]["bert-small"].update(train={"learning_rate": 0.5}))
    for backbone in before.backbones():
        names = {"run": f"mini/{backbone}/k1/seed1", "dataset": "pydoc"}
        for stage, same in (("train", backbone != "bert-small"), ("encode", True)):
            assert (STAGES[stage].settings(before, names) == STAGES[stage].settings(after, names)) == same


def test_every_stage_has_settings(values: dict[str, Any], tmp_path: Path) -> None:
    def change(v: dict[str, Any]) -> None:
        v["recipes"]["mini"].update(adaptation={})
        v["backbones"]["theirs"] = {"source": "local", "path": "theirs"}
        vectors = {"pydoc": {"documents": "d.ciff", "queries": "q.tsv"}}
        v["experiments"]["mini"]["runs"] = {"ranked": {"files": {"pydoc": "run.trec"}}, "encoded": {"vectors": vectors}}

    config = load(values, tmp_path, change)
    names = {
        "source": "pydoc",
        "backbone": "bert-small",
        "dataset": "pydoc",
        "recipe": "mini",
        "run": "mini/bert-small/k1/seed1",
        "variant": "k1",
        "experiment": "mini",
        "given": "ranked",
    }
    for stage in STAGES.values():
        other = {"ready": {"backbone": "theirs"}, "take_vectors": {"given": "encoded"}}
        text = as_json(stage.settings(config, names | other.get(stage.name, {})))
        assert json.dumps(json.loads(text), sort_keys=True) == text


def test_runs_have_paths_and_back() -> None:
    run = Run.parse("mini/bert-small/k4-untied-bias/seed3")
    assert (run.recipe, run.backbone, run.variant, run.seed) == ("mini", "bert-small", Variant(4, "untied", True), 3)
    assert run.folder == "mini/bert-small/k4-untied-bias/seed3"
    for wrong in ("mini/bert/k4", "mini/bert/k4/3", "mini/bert/4/seed1", "x"):
        with pytest.raises(UserError):
            Run.parse(wrong)


def test_the_schema_for_editors_and_the_reference_page_are_up_to_date() -> None:
    from rescalade.config.reference import reference_page, schema

    for path, text in (("docs/config.schema.json", schema()), ("docs/configuration.md", reference_page())):
        assert (REPOSITORY / path).read_text() == text, f"{path} is out of date: run `rescalade docs`"


def test_every_field_is_described() -> None:
    from rescalade.config.reference import models

    for model in [ConfigModel, *models(ConfigModel)]:
        for name, field in model.model_fields.items():
            assert field.description or name == "kind", f"{model.__name__}.{name}"
