"""The catalogue beneath a user's configuration: key by key, said where contents differ, refused where kinds do."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from rescalade.config import Config, build_config, load_config
from rescalade.config.catalogue import FOLDER, read_catalogue
from rescalade.config.effective import effective
from rescalade.config.model import Choice
from rescalade.errors import UserError
from rescalade.pipeline.graph import STAGES
from rescalade.pipeline.rows.data import source_settings
from rescalade.pipeline.rows.models import audit_settings
from rescalade.pipeline.stage_row import as_json

REPOSITORY = Path(__file__).resolve().parents[2]
FULL = REPOSITORY / "tests" / "golden" / "full-config.yaml"
"""The shipped configuration as it was before there was a catalogue: one file that defines everything."""

ALONE = {
    "experiment": "own",
    "sources": {"pydoc": {"kind": "pydoc"}},
    "datasets": {"text": {"source": "pydoc", "packages": ["rich"]}},
    "backbones": {"tiny": {"source": "pretrain", "pretrain": {"family": "bert", "text": "text"}}},
    "recipes": {"mini": {"train": {"max_steps": 2}}},
    "experiments": {
        "own": {
            "title": "Own",
            "recipe": "mini",
            "train_on": "text",
            "in_domain": ["text"],
            "grid": [{"backbones": ["tiny"], "scales": [1]}],
        }
    },
}


def over(folder: Path, values: Any, *more: Any) -> Config:
    """Mappings as files, each over the one before and all over the catalogue."""
    files = []
    for number, one in enumerate([values, *more]):
        files.append(folder / f"{number}.yaml")
        files[-1].write_text(one if isinstance(one, str) else yaml.safe_dump(one, sort_keys=False))
    return load_config(files)


def wanted(config: Config) -> tuple[str, ...]:
    """Packages that all data sets take from pydoc."""
    return source_settings(config, {"source": "pydoc"}).wanted


CHANGED = {
    "datasets": ("boolq",),
    "recipes": ("mini",),
    "backbones": ("bert-small", "modernbert-small"),
    "experiments": ("mini", "boolq"),
}
"""Entries that are others since: `boolq` is BoolQ's dev questions without their development part."""
HEAVY = ("bert-heavy", "modernbert-heavy", "modernbert-heavy-shifted", "modernbert-scaled", "modernbert-small-shifted")
HEAVY_BOOLQ = tuple(f"{name.partition('-')[0]}-boolq-{name.partition('-')[2]}" for name in HEAVY[:4])
READY = (
    "splade-v3", "splade-v3-distilbert", "splade-v3-lexical", "splade-v3-doc", "splade-cocondenser-ensembledistil",
    "splade-cocondenser-selfdistil", "opensearch-v2-distill", "opensearch-doc-v2-distill", "opensearch-doc-v2-mini",
    "opensearch-doc-v3-distill", "opensearch-doc-v3-gte", "granite-30m-sparse", "splade-pp-en-v1", "splade-pp-en-v2",
)  # fmt: skip
WHY = (
    "bert-scaled", "bert-small-shifted", "bert-heavy-shifted", "bert-cased", "bert-cased-heavy", "modernbert-cased",
    "modernbert-cased-heavy", "bert-boolq-raised", "modernbert-boolq-raised",
    *(f"{family}-17m{kind}" for family in ("bert", "modernbert") for kind in ("", "-heavy", "-shifted")),
)  # fmt: skip
CAUSAL = ("llama-small", "llama-3.2-1b", "llama-3.1-8b", "qwen3-0.6b", "smollm2-135m", "smollm2-135m-base")
NEW = {
    "sources": ("passages",),
    "datasets": ("pydoc-dev", "boolq-dev", "boolq-small", "msmarco-passage-aug"),
    "recipes": (
        "csplade-1b",
        "csplade-8b",
        "csplade-mini",
        "csplade-mini-lambda",
        "csplade-smollm2",
        "why",
        "why-boolq",
        "why-17m",
    ),
    "experiments": (
        "csplade-mini",
        "csplade-mini-lambda",
        "csplade-smollm2",
        "csplade",
        "csplade-8b",
        "csplade-quantised",
        "ready-models",
        "why",
        "why-boolq",
        "why-17m",
        "why-paper",
    ),
    "backbones": (*HEAVY, *HEAVY_BOOLQ, "modernbert-boolq-shifted", *CAUSAL, *READY, *WHY),
}
"""Entries of the catalogue that changed ones name."""


def test_the_file_of_everything_means_what_it_meant(tmp_path: Path) -> None:
    """But for one main measure, types of models and words on sources of recipes, which the catalogue now says."""
    before = yaml.safe_load(FULL.read_text())
    for recipe in before["recipes"].values():
        del recipe["source"]
    for subject, names in CHANGED.items():
        for name in names:
            del before[subject][name]
    found, now = over(tmp_path, before), load_config([REPOSITORY / "config.yaml"])
    assert found.model == now.model and found.notices == ()
    before["datasets"]["pydoc"]["metric"] = "MRR@10"
    for name, entry in before["backbones"].items():
        entry["model_type"] = found.backbone(name).model_type
    for name, recipe in before["recipes"].items():
        recipe |= now.model.recipes[name].model_dump(include={"source", "guesses"})
    for subject, names in [*CHANGED.items(), *NEW.items()]:
        before[subject] |= {name: read_catalogue().values[subject][name] for name in names}
    alone = build_config(before)
    assert found.model == alone.model
    asked = {"source": "pydoc", "backbone": "bert-small", "dataset": "pydoc", "recipe": "mini", "variant": "k1"}
    asked |= {"run": "mini/bert-small/k1/seed1", "experiment": "mini"}
    for stage in STAGES.values():
        if stage.name in ("adapt", "ready", "take_run", "take_vectors", "score_given"):
            continue  # no recipe of that file has the phase, and no experiment of it shows what others have made
        both = [as_json(stage.settings(config, asked)) for config in (found, alone)]
        assert both[0] == both[1], stage.name


def test_config_yaml_is_short_and_its_examples_hold(tmp_path: Path) -> None:
    lines = (REPOSITORY / "config.yaml").read_text().splitlines()
    assert len(lines) < 60
    examples = [block for block in "\n".join(lines).split("\n\n") if "\n#\n" in block]
    blocks = [yaml.safe_load(uncommented(block)) for block in examples]
    assert [list(block) for block in blocks] == [["recipes"], ["datasets"], ["backbones"], ["recipes"], ["experiments"]]
    found = over(tmp_path, {"experiment": "mine"}, *blocks)
    assert [run.folder for run in found.runs()] == [f"short/my-bert/k{k}/seed42" for k in (1, 4)]
    assert found.model.recipes["mini"].train.max_steps == 160


def uncommented(block: str) -> str:
    """YAML of a commented example: what stands behind its first empty comment."""
    return "\n".join(line[2:] for line in block.partition("\n#\n")[2].splitlines())


def test_keys_go_over_the_catalogue_one_by_one_and_it_is_said(tmp_path: Path) -> None:
    found = over(tmp_path, "experiment: mini\nrecipes:\n  mini:\n    train: {max_steps: 7}\n")
    train = found.model.recipes["mini"].train
    assert (train.max_steps, train.batch_size) == (7, 32)
    (notice,) = found.notices
    line = next(
        n for n, text in enumerate((FOLDER / "recipes.yaml").read_text().splitlines(), 1) if text.startswith("  mini:")
    )
    assert notice == (
        f"{tmp_path}/0.yaml:3: recipes.mini goes over the catalogue's (catalogue/recipes.yaml:{line}): train changed; "
        "from there come source, mining"
    )


def test_the_same_contents_and_new_names_are_not_said(tmp_path: Path) -> None:
    entry = read_catalogue().values["datasets"]["scifact"]
    found = over(tmp_path, {"experiment": "mini", "datasets": {"scifact": dict(entry), "new": {**entry, "title": "N"}}})
    assert found.notices == () and found.dataset("new").title == "N"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("backbones: {bert-base: {source: local, path: x}}", "of source local here, but of source hub"),
        ("datasets: {scifact: {source: files, path: x}}", "of a source of kind files here, but of a source of kind ir"),
        ("sources: {pydoc: {kind: files}}", "of kind files here, but of kind pydoc"),
    ],
)
def test_another_kind_under_a_name_of_the_catalogue_is_refused(entry: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message) as told:
        over(tmp_path, f"experiment: mini\n{entry}\n")
    assert "0.yaml:2: " in str(told.value) and "(catalogue/" in str(told.value) and "\n" not in str(told.value)


def test_the_model_type_of_the_catalogue_does_not_stay_with_another_model(tmp_path: Path) -> None:
    for entry, model_type, told in (
        ("{id: owner/other}", None, "id changed; from there come title, source, revision, head"),
        ("{id: owner/other, model_type: roberta}", "roberta", "id, model_type changed; from there come title, source"),
        ("{revision: main}", "bert", "revision changed; from there come title, source, id, model_type, head"),
    ):
        found = over(tmp_path, f"experiment: mini\nbackbones: {{bert-base: {entry}}}\n")
        assert found.backbone("bert-base").model_type == model_type
        assert told in found.notices[0]


def test_two_files_of_a_catalogue_must_not_define_one_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("recipes:\n  one: {}\n")
    (tmp_path / "b.yaml").write_text("recipes:\n\n  one: {}\n")
    with pytest.raises(UserError, match=r"b\.yaml:3: recipes\.one is defined at .*a\.yaml:2 too"):
        read_catalogue(tmp_path)


def test_what_is_no_mapping_is_refused_as_without_a_catalogue(tmp_path: Path) -> None:
    for text, place in (
        ("recipes: 3", "recipes"),
        ("recipes: {mini: 3}", "recipes.mini"),
        ("datasets: []", "datasets"),
    ):
        with pytest.raises(UserError, match=rf"line 2: {place}: .*valid dictionary"):
            over(tmp_path, f"experiment: mini\n{text}\n")


def test_a_file_that_stands_on_its_own_takes_nothing_of_the_catalogue_into_its_results(tmp_path: Path) -> None:
    """The catalogue has other data sets of this source and other experiments by this recipe."""
    found, alone = over(tmp_path, ALONE), build_config(ALONE)
    names = {"backbone": "tiny", "recipe": alone.experiment.recipe}
    assert wanted(found) == wanted(alone) == ("rich",)
    assert audit_settings(found, names).variants == audit_settings(alone, names).variants
    assert "scifact" in found.model.datasets


def test_a_set_of_ones_own_joins_the_sets_of_a_source_of_the_catalogue(tmp_path: Path) -> None:
    shipped = wanted(over(tmp_path, "experiment: mini"))
    more = {"experiment": "boolq", "datasets": {"x": {"source": "pydoc", "packages": ["typer"]}}}
    assert wanted(over(tmp_path, more)) == tuple(sorted([*shipped, "typer"]))


def test_a_run_of_ones_own_must_not_share_its_folder_with_one_shown_along(tmp_path: Path) -> None:
    experiment = {
        **ALONE["experiments"]["own"],
        "train_on": "pydoc",
        "grid": [{"backbones": ["bert-small"], "scales": [1]}],
    }
    values = {"experiment": "own", "experiments": {"own": {**experiment, "in_domain": ["pydoc"]}}}
    assert over(tmp_path, values).name == "own"  # mini's runs would lie elsewhere in another results folder
    with pytest.raises(UserError, match="'mini' and 'own' both train 'bert-small' by recipe 'mini'"):
        over(tmp_path, {**values, "experiment": "mini"})


def test_effective_values_say_where_they_come_from(tmp_path: Path) -> None:
    found = over(tmp_path, "experiment: mini\nrecipes: {mini: {train: {max_steps: 7}}}\n")
    rows = {row.key: row for row in effective(found, "recipes.mini.train")}
    assert rows["recipes.mini.train.max_steps"][1:] == (7, f"{tmp_path}/0.yaml:2")
    assert rows["recipes.mini.train.batch_size"].where.startswith("catalogue/recipes.yaml:")
    assert rows["recipes.mini.train.weight_decay"].where == "default"
    (grid,) = effective(found, "experiments.paper.grid[0].scales")
    assert grid.value == [1.0]
    everything = {row.key for row in effective(found)}
    assert {row.key for row in effective(found, "backbones.bert-base")} < everything
    for key, message in (
        ("recipes.minni", "no 'minni' in recipes; did you mean 'mini'"),
        ("experiment.x", "is a value"),
    ):
        with pytest.raises(UserError, match=message):
            effective(found, key)


def test_a_name_with_dots_is_found(tmp_path: Path) -> None:
    found = over(tmp_path, {"experiment": "mini", "recipes": {"a.b": {"train": {"max_steps": 3}}, "a": {}}})
    assert effective(found, "recipes.a.b.train.max_steps")[0].value == 3


def test_an_installed_package_has_all_files_of_the_catalogue() -> None:
    setup = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"][
        "rescalade"
    ]
    packed = {path for pattern in setup for path in FOLDER.parent.glob(pattern)}
    files = {path for path in FOLDER.rglob("*") if path.is_file()}
    assert len(files) >= 7 and files <= packed


def test_reading_a_configuration_loads_no_large_library() -> None:
    """Every command and every job reads it, and torch alone takes longer than that."""
    heavy = ("numpy", "pyarrow", "torch", "numba", "pandas", "transformers", "ir_datasets", "datasets")
    program = f"""
import sys, pathlib, rescalade.config
rescalade.config.load_config([pathlib.Path({str(REPOSITORY / "config.yaml")!r})])
print([name for name in {heavy} if name in sys.modules])"""
    path = {**os.environ, "PYTHONPATH": str(REPOSITORY / "workflow")}
    done = subprocess.run([sys.executable, "-c", program], env=path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_choice_may_be_dated_as_yaml_reads_dates() -> None:
    values = yaml.safe_load("{what: 80 steps, by: MRR@10 on pydoc-dev, when: 2026-11-28}")
    assert Choice(**values).when == "2026-11-28"
