"""Adapted variants in the graph: what is made of what, and which settings make what run again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rescalade.config import Config
from rescalade.config.load import build_config
from rescalade.errors import UserError
from rescalade.models.lora_settings import LoraSettings
from rescalade.paths import Paths
from rescalade.pipeline.jobs import Job, Key, make_jobs
from rescalade.pipeline.plan.assumptions import Assumptions
from rescalade.pipeline.plan.memory import adapter_weights, training_bytes
from rescalade.pipeline.plan.plan import make_plan
from rescalade.pipeline.plan.shapes import KNOWN
from rescalade.pipeline.stage_row import as_json

TEXT = """
experiment: small
sources: {irds: {kind: ir_datasets}}
datasets:
  train: {source: irds, id: train}
  test: {source: irds, id: test}
backbones:
  causal: &tiny {source: pretrain, pretrain: {family: llama, text: train}}
  masked: {source: pretrain, pretrain: {family: bert, text: train}}
recipes:
  quick: {train: {max_steps: 5}, adaptation: {steps: 7}}
experiments:
  small:
    title: Small
    recipe: quick
    train_on: train
    in_domain: [test]
    grid:
      - {backbones: [causal], scales: [1], adapted: [false, true], readings: [causal, bidirectional]}
      - {backbones: [masked], scales: [1]}
"""


def configured(**adaptation: Any) -> Config:
    values = yaml.safe_load(TEXT)
    values["recipes"]["quick"]["adaptation"].update(adaptation)
    return build_config(values)


def jobs(folder: Path, **adaptation: Any) -> dict[Key, Job]:
    return make_jobs(configured(**adaptation), Paths(folder / "results", folder / "report"))


def followers(made: dict[Key, Job], start: Key) -> set[Key]:
    """A job and all that reads what it makes, however far behind."""
    found = {start}
    while more := {key for key, job in made.items() if found & set(job.needs)} - found:
        found |= more
    return found


def test_one_adaptation_serves_every_reading_and_no_other_variant(tmp_path: Path) -> None:
    made = jobs(tmp_path)
    assert [key for key in made if key[0] == "adapt"] == [("adapt", "causal", "quick")]
    assert {*made["adapt", "causal", "quick"].needs} == {("backbone", "causal"), ("collection", "train")}
    divided = {key: set(job.needs) for key, job in made.items() if key[0].startswith("rescale")}
    plain = {("rescale", "causal", name): {("backbone", "causal")} for name in ("k1", "k1-bi")}
    plain["rescale", "masked", "k1"] = {("backbone", "masked")}
    after = {
        ("rescale_by_rule", "causal", name, "quick"): {("adapt", "causal", "quick")}
        for name in ("k1-adapted", "k1-adapted-bi")
    }
    assert divided == plain | after
    outputs = {key: job.outputs["model"].relative_to(tmp_path / "results") for key, job in made.items() if key in after}
    assert {str(path) for path in outputs.values()} == {
        "rescaled/causal/quick/k1-adapted", "rescaled/causal/quick/k1-adapted-bi"
    }  # fmt: skip


def test_its_settings_make_it_run_again_and_what_follows(tmp_path: Path) -> None:
    before, after = jobs(tmp_path), jobs(tmp_path, sparse_weight=2.0)
    changed = {
        key
        for key, job in before.items()
        if (own := job.settings) is not None and as_json(own) != as_json(after[key].settings or own)
    }
    shows = {"tables", "figures", "report", "page"}
    assert {key for key in changed if key[0] not in shows} == {("adapt", "causal", "quick")}
    again = {key for key in followers(before, ("adapt", "causal", "quick")) if key[0] in ("train", "step0_loss")}
    assert {key[-1] if key[0] == "train" else key[2] for key in again} == {
        "k1-adapted", "k1-adapted-bi", "quick/causal/k1-adapted/seed42", "quick/causal/k1-adapted-bi/seed42"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda v: v["recipes"]["quick"].pop("adaptation"),
            "experiments.small.grid[0].adapted: recipe 'quick' has no `adaptation` phase; give it one, or leave",
        ),
        (
            lambda v: v["experiments"]["small"]["grid"][1].update(adapted=[True]),
            "experiments.small.grid[1].adapted: backbone 'masked' is a masked language model, which",
        ),
        (
            lambda v: v["experiments"]["small"]["grid"][0].update(scales=["auto"]),
            "experiments.small.grid[0].adapted: the scale `auto` is chosen on the backbone before its adaptation",
        ),
        (lambda v: v["recipes"]["quick"]["adaptation"].update(warmup_steps=7), "warmup_steps 7 must be less than"),
    ],
)
def test_what_cannot_be_adapted_is_refused_in_one_line(change: Any, words: str) -> None:
    values = yaml.safe_load(TEXT)
    change(values)
    with pytest.raises(UserError) as refused:
        build_config(values)
    assert words in str(refused.value) and "\n" not in str(refused.value)


def test_the_plan_counts_the_phase_and_what_a_gpu_needs(tmp_path: Path) -> None:
    config, paths = configured(batch_size=4, length=16), Paths(tmp_path / "results", tmp_path / "report")
    found = make_plan(config, paths, Assumptions()).work
    assert found.adapt_tokens == 7 * 4 * 16
    assert set(found.memory) == {"causal", "masked"}


def test_an_eight_billion_llama_fits_one_gpu_of_80_gb_by_adapters_only() -> None:
    values = yaml.safe_load(TEXT)
    values["backbones"]["causal"] = {"source": "hub", "id": "meta-llama/Llama-3.1-8B", "revision": "0" * 40}
    train = values["recipes"]["quick"]["train"]
    train |= {"batch_size": 32, "negatives": 15, "query_length": 32, "document_length": 128, "encode_rows": 16}
    shape = KNOWN["meta-llama/Llama-3.1-8B"]
    assert training_bytes(build_config(values), "quick", "causal", shape) > 16 * 8.0e9
    train |= {"precision": "bf16", "gradient_checkpointing": True, "lora": {"frozen_weights": "bf16"}}
    found = training_bytes(build_config(values), "quick", "causal", shape)
    assert 2 * 8.0e9 < found < 40e9
    # 16 (in + out) of q, k, v, o, gate, up, down in 32 layers, as peft counts them
    assert adapter_weights(shape, LoraSettings()) == 41_943_040
