"""What a dry run says, from reasons in Snakemake 9.27's own words."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from rescalade.terminal.dry_run import EVERY_JOB, DryRun
from rescalade.terminal.why import files, why
from support.records import planned, record, starts

PARAMETERS = "Params have changed since last execution: Union of exclusive params before and now across all output: "
OLD, NEW = "3667813c28cf2ebd", "7f91b56a375ca0a1"


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("Missing output files: b, a, c; Input files updated by another job: x", "new"),
        ("Incomplete output files: results/a", "was cut off"),
        ("Updated input files: results/data/corpus.parquet", "input changed"),
        ("Input files updated by another job: results/x", "after a stage above"),
        ("Set of input files has changed since last execution", "other inputs"),
        ("Code has changed since last execution; " + PARAMETERS + f"before: '{OLD}' now: '{NEW}' ", "code changed"),
        (PARAMETERS + f"before: '{OLD}' now: '{NEW}' ", "code changed"),
        (PARAMETERS + """before: '{"steps": 2}' now: '{"steps": 3}' """, "settings changed"),
        (
            PARAMETERS + f"""before: '{{"steps": 2}}', '{OLD}' now: '{{"steps": 3}}', '{NEW}' """,
            "settings and code changed",
        ),
        (PARAMETERS + "before: 3 now: 4", "settings changed"),
        (PARAMETERS + """before: 'files: {"a": "1"}' now: 'files: {"a": "2"}' """, "your files changed"),
        ("Forced execution", "forced"),
        ("Rules with neither input nor output files are always executed.", "always"),
    ],
)
def test_why_in_words(reason: str, word: str) -> None:
    assert why(reason) == word


def test_a_reason_of_thousands_of_files_is_short() -> None:
    many = ", ".join(f"results/{number:04}" for number in range(2000))
    assert files(f"Missing output files: {many}; Updated input files: x") == "x"
    assert files(f"Missing output files: {many}") == "results/0000, results/0001 and 1998 more"
    assert files(PARAMETERS + f"before: '{OLD}' now: '{NEW}' ") == ""


def shown(every_job: bool) -> list[str]:
    out = StringIO()
    display = DryRun(Console(file=out, width=80, markup=False, highlight=False), every_job)
    for each in (
        record(0, "Building DAG of jobs..."),
        record(0, "Config file config.yaml is extended by additional config specified via the command line."),
        planned(0, train=3, score=1, all=1),
        starts(1, 4, "score", reason="Input files updated by another job: results/x", dataset="test"),
        starts(1, 1, "train", reason="Missing output files: results/a", seed="seed1"),
        starts(1, 2, "train", reason="Missing output files: results/b", seed="seed2"),
        starts(1, 3, "train", reason="Updated input files: results/t", seed="seed3"),
        starts(1, 5, "all", reason="Input files updated by another job: report"),
        record(2, "Reasons:\n    (check individual jobs above for details)"),
        record(2, "This was a dry-run (flag -n). The order of jobs does not reflect the order of execution."),
    ):
        display.show(each)
    display.close()
    display.close()
    return out.getvalue().splitlines()


EXTENDED = "Config file config.yaml is extended by additional config specified via the command line."
TRAIN = "train                 3  2 new, 1 input changed"
SCORE = "score                 1  after a stage above"
JOBS = "jobs                  4  a dry run: nothing was made"


def test_stages_in_the_order_of_the_pipeline() -> None:
    assert shown(every_job=False) == [EXTENDED, TRAIN, SCORE, JOBS, EVERY_JOB]


def test_verbose_lists_every_job() -> None:
    jobs = ["    seed1: new results/a", "    seed2: new results/b", "    seed3: input changed results/t"]
    assert shown(every_job=True) == [EXTENDED, TRAIN, *jobs, SCORE, "    test: after a stage above results/x", JOBS]
