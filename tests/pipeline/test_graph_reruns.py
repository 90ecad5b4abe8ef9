"""Reruns follow meaning: what changed runs again, with all that stands on it, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support.graph import PLAIN, Pipeline, job_counts

END = {"tables", "figures", "index_page", "all"}
RETRIEVAL = {"encode", "index", "search", "score"}
SCORE_RANKINGS = {"score_bm25", "score_random"}


def append(pipeline: Pipeline, module: str, text: str) -> None:
    """Add text to the end of a library module of the copy."""
    path = pipeline.repository / "workflow" / "rescalade" / f"{module}.py"
    path.write_text(path.read_text() + text)


def test_nothing_is_done_twice(made: Pipeline) -> None:
    assert made.jobs() == {}


def test_learning_rate_of_one_backbone(made: Pipeline) -> None:
    overlay = made.overlay("backbones: {left: {train: {learning_rate: 5.0e-4}}}")
    text = made.run("-n", PLAIN, "--cores", "2", "--configfile", overlay)
    jobs = job_counts(text)
    assert set(jobs) == {"train", "page"} | RETRIEVAL | END
    assert set(jobs.values()) == {1}
    assert "backbone=left" in text
    assert "backbone=right" not in text


def test_search_depth(made: Pipeline) -> None:
    jobs = made.jobs("--configfile", made.overlay("datasets: {test: {depth: 10}}"))
    assert set(jobs) == {"search", "score", "bm25", "random", *SCORE_RANKINGS, "page"} | END


def test_other_words_for_bm25(made: Pipeline) -> None:
    jobs = made.jobs("--configfile", made.overlay("datasets: {test: {analyser: words}}"))
    assert set(jobs) == {"bm25", "score_bm25", "page"} | END


def test_another_main_measure(made: Pipeline) -> None:
    """What is always scored is there already; only what is said of it changes."""
    assert set(made.jobs("--configfile", made.overlay("datasets: {test: {metric: MRR@10}}"))) == {"page"} | END


def test_a_further_measure(made: Pipeline) -> None:
    jobs = made.jobs("--configfile", made.overlay("datasets: {test: {measures: [AP, P@10]}}"))
    assert set(jobs) == {"score", *SCORE_RANKINGS, "page"} | END
    same = made.overlay("datasets: {test: {measures: [RR@10, NDCG@10]}}")  # by other spellings
    assert made.jobs("--configfile", same) == {}


def test_comments_and_docstrings_do_not_count(made: Pipeline) -> None:
    append(made, "objective/loss", '\n\n# a remark\n"""And some words."""\n')
    assert made.jobs() == {}


def test_a_function_counts_where_it_is_imported(made: Pipeline) -> None:
    append(made, "training/run", "\n\ndef added() -> int:\n    return 1\n")
    assert set(made.jobs()) == {"train", "page"} | RETRIEVAL | END


def test_files_elsewhere_do_not_count(made: Pipeline, tmp_path: Path) -> None:
    """Neither the place of the configuration nor the experiment that asks is part of a run's meaning."""
    same = tmp_path / "elsewhere.yaml"
    shutil.copy(made.repository / "config.yaml", same)
    assert made.jobs("--configfile", str(same)) == {}
    other = made.jobs("--config", "experiment=twice")
    assert set(other) == {"page"} | END


def test_threads_do_not_count(made: Pipeline) -> None:
    assert made.jobs("--set-threads", "train=2") == {}


@pytest.mark.parametrize(
    ("target", "again"),
    [
        ("all", {"score", "page"} | END),
        ("report", {"score", "page", "report"} | END - {"all"}),
        ("left", {"score", "page", "left"}),
    ],
)
def test_what_is_lost_of_a_report_is_made_again(made: Pipeline, target: str, again: set[str]) -> None:
    """With the page that names it still there. A backbone's target asks for what its own page shows."""
    report, runs = made.work / "report" / "small", made.work / "results" / "runs" / "quick"
    shutil.rmtree(report / "tables")
    (report / "left.html").unlink()
    (runs / "left" / "k1" / "seed1" / "scores" / "test.json").unlink()
    assert set(made.jobs("--", target)) == again


def test_prefetch_asks_for_every_file_of_a_data_set_and_for_models_of_others(made: Pipeline) -> None:
    """Afterwards everything runs offline."""
    assert made.jobs("--", "prefetch") == {}
    (made.work / "results" / "data" / "test" / "queries.parquet").unlink()
    others = made.overlay(
        "backbones: {theirs: {source: hub, id: a/b, revision: c, trained: true}}\n"
        "experiments: {small: {models: [theirs]}}\n"
    )
    assert made.jobs("--configfile", others, "--", "prefetch") == {"collection": 1, "ready": 1, "prefetch": 1}


def test_lost_tables_alone_are_made_again(made: Pipeline) -> None:
    shutil.rmtree(made.work / "report" / "small" / "tables")
    assert set(made.jobs()) == {"tables", "all"}


def test_a_lost_intermediate_is_made_when_it_is_needed(made: Pipeline) -> None:
    """Room can be made by deleting models and vectors: as long as the scores stand nothing asks for them."""
    shutil.rmtree(made.work / "results" / "runs" / "quick" / "left" / "k1" / "seed1" / "vectors")
    assert made.jobs() == {}


def test_a_touched_input_counts(made: Pipeline) -> None:
    """Snakemake also goes by time: a file that somebody edits makes what reads it anew."""
    (made.work / "results" / "data" / "test" / "qrels.parquet").write_text("edited\n")
    assert set(made.jobs()) == {"score", *SCORE_RANKINGS, "page"} | END


@pytest.mark.slow
def test_a_failed_stage_keeps_the_rest(pipeline: Pipeline) -> None:
    failed = pipeline.call("--cores", "2", "--", "left", FAKE_FAIL="search")
    assert failed.returncode == 1
    assert "search fails as asked" in failed.stderr
    jobs = pipeline.jobs("--", "left")
    assert jobs["train"] == jobs["encode"] == jobs["bm25"] == 0
    assert jobs["search"] == 2  # of the run, and of the backbone before any training
    pipeline.run("--cores", "2", "--", "left")
