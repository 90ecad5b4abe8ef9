"""The graph holds the jobs that the configuration asks for, counted here by another route."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.graph import PLAIN, SMALL, Pipeline
from support.shipped import shipped


def expected(config: dict[str, Any]) -> dict[str, int]:
    """Jobs per rule, read off the raw file: no model, no path and no rule of the pipeline is used."""
    experiment = config["experiments"][config["experiment"]]
    seeds = experiment.get("seeds", [42])
    models = {
        (backbone, mode, float(scale))
        for block in experiment["grid"]
        for backbone, mode, scale in product(block["backbones"], block.get("modes", ["tied"]), block["scales"])
    }
    runs, used = len(models) * len(seeds), {model[0] for model in models}
    untrained = {name for name in used if "control" not in config["backbones"][name]}
    made = used | {config["backbones"][name]["of"] for name in used if "of" in config["backbones"][name]}
    tests = [*experiment["in_domain"], *experiment.get("out_of_domain", [])]
    development = experiment.get("development", [])  # searched by runs alone, in the index of a test set
    pretrained = [config["backbones"][name]["pretrain"] for name in made if "pretrain" in config["backbones"][name]]
    datasets = {experiment["train_on"], *tests, *development} | {settings["text"] for settings in pretrained}
    return {
        "source": len({config["datasets"][name]["source"] for name in datasets}),
        "collection": len(datasets),
        "triples": 1,
        "backbone": len(made),
        "audit_backbone": len(used),
        "rescale": len(models | {(name, "tied", 1.0) for name in untrained}),
        "step0_loss": len(models),
        "train": runs,
        # every run, and every backbone but controls before any training
        "index": (indexes := (runs + len(untrained)) * len(tests)),
        **dict.fromkeys(("encode", "search", "score"), indexes + runs * len(development)),
        **dict.fromkeys(("bm25", "score_bm25", "random", "score_random"), len(tests) + len(development)),
        "page": len(used),
        **dict.fromkeys(("tables", "figures", "index_page", "all"), 1),
    }


def test_jobs_of_the_shipped_experiment(tmp_path: Path) -> None:
    assert Pipeline.create(tmp_path / "pipeline", config=None).jobs() == expected(shipped())


def test_jobs_of_the_small_experiment_and_no_results_of_a_dry_run(pipeline: Pipeline) -> None:
    assert pipeline.jobs() == expected(yaml.safe_load(SMALL))
    assert {path.name for path in pipeline.work.iterdir()} <= {".snakemake"}


def test_summary_in_an_empty_folder(pipeline: Pipeline, golden: Callable[[str, list[str]], None]) -> None:
    """Every output and its rule equal the stored ones: a changed path is seen here."""
    lines = [line.split("\t") for line in pipeline.call("--summary").stdout.splitlines() if "\t" in line]
    header, rows = lines[0], lines[1:]
    columns = [header.index(name) for name in ("output_file", "rule")]
    found = sorted("\t".join(row[column] for column in columns) for row in rows)
    golden("small-summary.tsv", found)


def test_a_backbone_is_a_target_of_its_own(pipeline: Pipeline) -> None:
    jobs = pipeline.jobs("--", "left")
    assert (jobs["backbone"], jobs["train"], jobs["page"], jobs["left"]) == (1, 1, 1, 1)
    assert jobs["tables"] == jobs["index_page"] == 0
    said = pipeline.run("--cores", "2", "--verbose", "--", "left")
    assert "no limit of new jobs a second" in said  # else every look for jobs would ask for another, without end
    assert [path.name for path in (pipeline.work / "report" / "small").iterdir()] == ["left.html"]
    assert not (pipeline.work / "results" / "runs" / "quick" / "right").exists()


def test_step0_audit_and_prefetch_are_targets(pipeline: Pipeline) -> None:
    step0 = pipeline.jobs("step0")
    assert (step0["step0_loss"], step0["rescale"], step0["train"], step0["audit_backbone"]) == (2, 2, 0, 0)
    audit = pipeline.jobs("audit")
    assert (audit["audit_backbone"], audit["backbone"], audit["train"]) == (2, 2, 0)
    prefetch = pipeline.jobs("prefetch")
    assert (prefetch["source"], prefetch["collection"], prefetch["backbone"]) == (1, 2, 0)


def test_an_inflated_backbone_is_made_from_another(pipeline: Pipeline) -> None:
    overlay = pipeline.overlay("backbones: {right: {source: inflate, of: left, factor: 8.0, pretrain: null}}")
    jobs = pipeline.jobs("--configfile", overlay, "--", "right")
    assert (jobs["backbone"], jobs["audit_backbone"], jobs["train"]) == (2, 1, 1)


def test_an_automatic_scale_waits_for_the_audit(pipeline: Pipeline) -> None:
    """Only the division whose k a rule chooses reads the audit, and it is redone when the rule changes."""
    grid = "{{backbones: [left], scales: [1, auto], rule: {rule}, modes: [folded]}}"
    overlay = pipeline.overlay(f"experiments: {{small: {{grid: [{grid.format(rule='norm')}]}}}}")
    listed = pipeline.call("-n", PLAIN, "--configfile", overlay, "--", "left").stdout
    blocks = {name: listed.split(f"\nrule {name}:")[1].split("\n\n")[0] for name in ("rescale", "rescale_by_rule")}
    inputs = {name: block.split("input: ")[1].split("\n")[0] for name, block in blocks.items()}
    assert "results/audit/quick/left.json" in inputs["rescale_by_rule"]
    assert "output: results/rescaled/left/quick/kauto-norm-folded" in blocks["rescale_by_rule"]
    assert "audit" not in inputs["rescale"]
    pipeline.run("--cores", "2", "--configfile", overlay, "--", "left")
    runs = sorted(path.name for path in (pipeline.work / "results" / "runs" / "quick" / "left").iterdir())
    assert runs == ["k1", "k1-folded", "kauto-norm-folded"]  # k1 holds what the backbone reaches without any training


def test_prefetch_takes_hub_backbones(pipeline: Pipeline) -> None:
    overlay = pipeline.overlay("backbones: {left: {source: hub, id: a/b, revision: '1', pretrain: null}}")
    assert pipeline.jobs("--configfile", overlay, "--", "prefetch")["backbone"] == 1


def test_a_declared_size_gives_every_shard_a_job(pipeline: Pipeline, tmp_path: Path) -> None:
    """25 documents in shards of 10: three jobs per encoding, known in an empty folder, gone when the vectors stand."""
    overlay = pipeline.overlay("datasets: {test: {documents: 25}}\nretrieval: {shard_documents: 10, shard_jobs: true}")
    jobs = pipeline.jobs("--configfile", overlay)
    assert (jobs["encode_shard"], jobs["encode"]) == (12, 4)  # a run and the untrained model of two backbones
    log = tmp_path / "calls"
    pipeline.run("--cores", "2", "--configfile", overlay, "--", "left", FAKE_LOG=str(log))
    assert [line.split()[0] for line in log.read_text().splitlines()].count("encode") == 8
    assert pipeline.jobs("--configfile", overlay, "--", "left") == {}
    run = pipeline.work / "results" / "runs" / "quick" / "left" / "k1" / "seed1"
    assert (run / "vectors" / "test" / "content").exists()
    assert not (run / "encoding" / "test").exists()


def test_one_shard_needs_no_job_of_its_own(pipeline: Pipeline) -> None:
    overlay = pipeline.overlay("datasets: {test: {documents: 25}}\nretrieval: {shard_jobs: true}")
    assert pipeline.jobs("--configfile", overlay) == expected(yaml.safe_load(SMALL))


def test_every_stage_is_one_command(made: Pipeline) -> None:
    """The fake command has made what the rules declare, through the documented command line."""
    runs = made.work / "results" / "runs" / "quick" / "left" / "k1" / "seed1"
    for name in ("model", "history.parquet", "outcome.json", "train.record.json", "vectors/test", "scores/test.json"):
        assert (runs / name).exists()
    assert (made.work / "report" / "small" / "index.html").exists()


def test_a_log_holds_what_the_command_wrote(made: Pipeline) -> None:
    log = made.work / "results" / "logs" / "train" / "quick" / "left" / "k1" / "seed1.log"
    assert log.read_text() == "train quick/left/k1/seed1: started\n"


@pytest.mark.slow
def test_lint(pipeline: Pipeline) -> None:
    assert "good condition" in pipeline.run("--lint")


@pytest.mark.slow
def test_provenance_report(made: Pipeline) -> None:
    """`snakemake --report` shows the outputs with their captions."""
    made.run("--report", "provenance.html")
    page = (made.work / "provenance.html").read_text()
    assert "index.html" in page
    assert "how the training of left" in page.lower()


def test_what_goes_over_the_catalogue_is_said_once(pipeline: Pipeline) -> None:
    overlay = pipeline.overlay("recipes:\n  paper: {train: {batch_size: 8}}\n")
    said = pipeline.run("-n", "--quiet", "--configfile", overlay)
    assert said.count(f"{overlay}:2: recipes.paper goes over the catalogue's (catalogue/recipes.yaml:") == 1
