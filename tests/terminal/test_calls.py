"""Calls of Snakemake itself, piped: few lines, and nothing of a warning or an error is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.graph import PLAIN, Pipeline

PROFILE = "Using workflow specific profile"
"""Snakemake's own first line, which no logger sees."""


def lines(text: str) -> list[str]:
    """Without that line and the empty one after it."""
    return [line for line in text.splitlines() if line and not line.startswith(PROFILE)]


def test_a_whole_call_is_short(pipeline: Pipeline) -> None:
    done = pipeline.call("--cores", "2", FAKE_SAYS="WARNING STAGE 12 is odd\nmuch that nobody reads")
    assert done.returncode == 0 and done.stdout == ""
    said = lines(done.stderr)
    assert len(said) < 60
    assert said[0] == "small: 40 jobs in 20 stages"
    assert "  train            2 jobs" in {line[:25] for line in said}
    assert said[-2] == "report/small/index.html"
    assert said[-1].startswith("Snakemake's own log: .snakemake/log/")
    own = (pipeline.work / said[-1].removeprefix("Snakemake's own log: ")).read_text()
    assert "40 of 40 steps (100%) done" in own and "rule train:" in own
    warned = [line for line in said if ": WARNING " in line]
    # once for each stage as it comes; three of the stages have the command of another
    assert len({line.split(": WARNING ")[1] for line in warned}) == len(warned) - 3
    assert sum(line.startswith("3 more like 'WARNING encode 12 is odd': ") for line in said) == 1
    assert not any("nobody reads" in line for line in said)
    log = pipeline.work / "results" / "logs" / "train" / "quick" / "left" / "k1" / "seed1.log"
    assert "much that nobody reads" in log.read_text()
    again = pipeline.call("--cores", "2")
    assert lines(again.stderr) == [
        "Nothing to be done (all requested files are present and up to date).",
        "report/small/index.html",
    ]


def test_a_failed_job(pipeline: Pipeline) -> None:
    failed = pipeline.call("--cores", "2", "--", "left", FAKE_FAIL="backbone")
    assert failed.returncode == 1
    said = lines(failed.stderr)
    where = said.index("failed: backbone left")
    assert said[where + 1 : where + 3] == ["    backbone fails as asked", "    results/logs/backbone/left.log"]
    assert failed.stderr.count("backbone fails as asked") == 1
    assert said[-2].startswith("1 job failed, ")


def test_a_dry_run(made: Pipeline) -> None:
    assert lines(made.run("-n")) == [
        "Nothing to be done (all requested files are present and up to date).",
        "report/small/index.html",
    ]
    overlay = made.overlay("backbones: {left: {train: {learning_rate: 5.0e-4}}}")
    assert "train                 1  settings changed" in made.run("-n", "--configfile", overlay).splitlines()
    loss = made.repository / "workflow" / "rescalade" / "objective" / "loss.py"
    loss.write_text(loss.read_text() + "\nANOTHER = 3\n")
    text = made.run("-n", "--verbose").splitlines()
    assert "train                 2  code changed" in text
    assert "    quick/left/k1/seed1: code changed" in text


@pytest.mark.parametrize("options", [(PLAIN,), ("--printshellcmds",), ("--verbose",)])
def test_snakemakes_own_output_is_one_flag_away(pipeline: Pipeline, options: tuple[str, ...]) -> None:
    done = pipeline.call("--cores", "1", *options, "--", "results/sources/pydoc")
    assert done.returncode == 0
    assert "rule source:" in done.stderr and "source pydoc: started" in done.stderr and "(100%) done" in done.stderr


def test_how_a_call_is_shown_makes_nothing_again(pipeline: Pipeline) -> None:
    target = ("--", "results/sources/pydoc")
    pipeline.run("--cores", "1", *target)
    assert pipeline.jobs(*target) == {} and "Nothing to be done" in pipeline.run("-n", PLAIN, *target)


def test_a_log_that_cannot_be_written_is_said(pipeline: Pipeline, tmp_path: Path) -> None:
    """Of `tee` only what it would show twice is taken away, not its own errors."""
    (pipeline.work / "results" / "logs").mkdir(parents=True)
    (pipeline.work / "results" / "logs" / "source").symlink_to("/dev/full")
    failed = pipeline.call("--cores", "1", "--", "results/sources/pydoc")
    assert failed.returncode != 0
    assert "results/logs/source" in failed.stderr
