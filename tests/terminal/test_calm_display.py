"""The calm display: events fed by hand, the text that comes of them."""

from __future__ import annotations

import logging
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from rescalade.terminal.course import Course
from rescalade.terminal.job import Job
from rescalade.terminal.live import SILENCE_SECONDS, Calm
from rescalade.terminal.time_left import time_left
from rescalade.terminal.view import view
from support.records import ends, fails, planned, progress, record, starts

RUN = {"recipe": "mini", "backbone": "bert-small", "variant": "k4", "seed": "seed1"}


class Call:
    """A display away from a terminal, whose clock is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.out = StringIO()
        self.display = Calm(Console(file=self.out, width=80, markup=False, highlight=False), clock=lambda: self.now)
        self.display._start = lambda: None  # type: ignore[method-assign]  # no thread: `tick` is called by hand

    def show(self, *records: logging.LogRecord) -> list[str]:
        """Take records in at their time; the lines they bring."""
        before = len(self.out.getvalue())
        for each in records:
            self.now = each.created
            self.display.show(each)
        return self.out.getvalue()[before:].splitlines()


def test_a_call_that_succeeds(tmp_path: Path) -> None:
    call, log = Call(), tmp_path / "report.log"
    log.write_text(
        "INFO read\nINFO headline: ✓ holds          Heads collapse\nINFO headline: ? cannot be said  k = 4\n"
    )
    assert call.show(
        record(0, "experiment mini, to be seen in p", experiment="mini", page="report/mini/index.html"),
        record(0, "Building DAG of jobs..."),
        planned(0, train=2, index_page=1, all=1),
    ) == ["mini: 4 jobs in 2 stages"]
    assert call.show(starts(1, 1, "train", **RUN), starts(2, 2, "train", **RUN), ends(61, 1), progress(61, 1, 4)) == []
    assert call.show(ends(201, 2), progress(201, 2, 4)) == ["  train            2 jobs     3 min 20 s"]
    assert call.show(starts(201, 3, "index_page", log=str(log)), ends(203, 3), progress(203, 3, 4)) == [
        "  index_page       1 job      2 s"
    ]
    call.show(starts(203, 4, "all"), ends(203, 4), progress(203, 4, 4))
    call.show(record(204, "Complete log(s): /elsewhere/1.log"), record(204, "Elapsed time: 0:03:24"))
    before = len(call.out.getvalue())
    call.display.close()
    call.display.close()
    assert call.out.getvalue()[before:].splitlines() == [
        "4 jobs done in 3 min 24 s",
        "  ✓ holds          Heads collapse",
        "  ? cannot be said  k = 4",
        "report/small/index_page.html",
        "Snakemake's own log: /elsewhere/1.log",
    ]


def test_a_failed_job_is_its_name_its_error_and_its_log(tmp_path: Path) -> None:
    log = tmp_path / "seed1.log"
    log.write_text("INFO plan\nTraceback\nrescalade: error: triples.parquet is damaged; delete it\nreal 2 s\n")
    call = Call()
    call.show(planned(0, train=1, encode=2, all=1), starts(0, 1, "train", log=str(log), **RUN))
    told = call.show(
        record(5, 'RuleException:\nCalledProcessError in file "s.smk", line 59:\n...', logging.ERROR, event="ERROR"),
        fails(5, 1, "train", str(log)),
        record(6, "Exiting because a job execution failed. Look above for error messages", logging.ERROR),
        record(6, "WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR, event="ERROR"),
    )
    name = "failed: train mini/bert-small/k4/seed1"
    assert told == [name, "    triples.parquet is damaged; delete it", f"    {log}"]
    call.display.close()
    assert (
        call.out.getvalue().splitlines()[-1].startswith("1 job failed, 0 of 4 jobs done in 6 s; what is done is kept")
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "it says nothing of why"),
        ("Segmentation fault\n\n", "Segmentation fault"),
        (
            "train x: 30/160, 75 s left loss 3.21\n",
            "ended without an error, as by a signal or for want of memory; its last line: "
            "train x: 30/160, 75 s left loss 3.21",
        ),
    ],
)
def test_a_job_that_gives_no_error_of_ours(tmp_path: Path, content: str, reason: str) -> None:
    log = tmp_path / "x.log"
    log.write_text(content)
    call = Call()
    assert call.show(planned(0, train=1), fails(1, 1, "train", str(log)))[2] == f"    {reason}"


def test_a_job_that_failed_once_and_was_made_after_all() -> None:
    call = Call()
    call.show(planned(0, train=1), starts(0, 1, "train"), fails(1, 1, "train", "none.log"), starts(2, 1, "train"))
    call.show(ends(3, 1), progress(3, 1, 1))
    call.display.close()
    assert "1 job done in 3 s" in call.out.getvalue().splitlines()


def test_no_error_of_snakemake_is_hidden() -> None:
    """What its words are is not looked at, but for those that only repeat a failed job."""
    call = Call()
    call.show(planned(0, train=1), starts(0, 1, "train"))
    texts = [
        ("MissingOutputException in rule train: Job 1 completed, but files are missing", logging.ERROR, "ERROR"),
        ("WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR, "ERROR"),
        ("Unable to hash file", logging.WARNING, None),
        ("Exiting because a job execution failed.", logging.ERROR, None),
    ]
    for text, level, event in texts:
        told = {} if event is None else {"event": event}
        assert "\n".join(call.show(record(1, text, level, **told))) == text


def test_warnings_come_while_a_job_runs_and_those_alike_once(tmp_path: Path) -> None:
    logs = [tmp_path / f"{number}.log" for number in range(3)]
    call = Call()
    call.show(planned(0, train=3))
    for number, log in enumerate(logs):
        call.show(starts(number, number, "train", log=str(log), seed=f"seed{number}"))
    logs[0].write_text("INFO plan\nWARNING step 40: dead: 0.1 active terms\n/a/b.py:3: UserWar")
    call.display.tick()
    call.display.tick()
    shown = call.out.getvalue().splitlines()[1:]
    assert shown == ["train seed0: WARNING step 40: dead: 0.1 active terms"]
    with logs[0].open("a") as file:
        file.write("ning: beware\n")
    for log in logs[1:]:
        log.write_text("WARNING step 7: dead: 2e-05 active terms\nno warning here\n")
    call.show(ends(9, 0), ends(9, 1), ends(9, 2), progress(9, 3, 3))
    call.display.close()
    shown = call.out.getvalue().splitlines()[2:]
    assert shown == [
        "train seed0: /a/b.py:3: UserWarning: beware",
        "  train            3 jobs     9 s",
        "2 more like 'WARNING step 40: dead: 0.1 active terms': train seed1, train seed2",
        "3 jobs done in 9 s",
    ]


def test_a_long_silence_in_a_file_is_broken(tmp_path: Path) -> None:
    log = tmp_path / "seed1.log"
    log.write_text("train x: 30/160, 12 min left step 30 loss 3.21\n")
    call = Call()
    call.show(planned(0, train=2, all=1), starts(1, 1, "train", log=str(log), **RUN))
    call.now = SILENCE_SECONDS
    call.display.tick()
    call.display.tick()
    assert call.out.getvalue().splitlines()[1:] == [
        "0 of 3 jobs, 0 of 1 stage done, 9 min 59 s so far",
        "  train mini/bert-small/k4/seed1 30 of 160 steps  loss 3.21  12 min left",
    ]


def drawn(picture: RenderableType, width: int) -> list[str]:
    """What a console of that width would hold."""
    out = StringIO()
    Console(file=out, width=width, force_terminal=True, color_system=None).print(picture)
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """Three jobs done, two running, one of them with progress that began 20 s ago."""
    made = Course()
    made.plan({"backbone": 3, "train": 2, "encode": 4, "all": 1, "total": 10}, ("backbone", "train", "encode"))
    for number, seconds in enumerate((8.0, 10.0, 12.0)):
        made.begin(Job(number, "backbone", f"b{number}", None, (), 0.0))
        made.finish(number, seconds)
    made.finished = 3
    log = tmp_path / "encode.log"
    encode = starts(15, 7, "encode", log=str(log), **RUN, dataset="pydoc-ood-with-a-long-name")
    made.begin(Job.of(vars(starts(12, 6, "train", **RUN)), 12.0))
    made.begin(Job.of(vars(encode), 15.0))
    reader = made.running[7].log
    assert reader is not None
    log.write_text("encode x: 128/13113\n")
    reader.read(20.0)
    with log.open("a") as file:
        file.write("encode x: 6528/13113, 21 s left loss 0.5\n")
    reader.read(40.0)
    return made


BAR = "mini ━━━━━━━━━━━━━━━                                    3 of 10 jobs"
STATE = "1 of 3 stages done, 40 s so far, at most 3 min left, 1 warning"
ENCODE = "6,528 of 13,113 documents  loss 0.5  320/s  21 s left"


def test_the_live_part_at_80_columns(course: Course) -> None:
    assert drawn(view(course, "mini", 40.0, 1, 80), 80) == [
        BAR,
        STATE,
        "  train mini/bert-small/k4/seed1  28 s",
        f"  encode mini…a-long-name  {ENCODE}",
    ]


def test_the_live_part_at_200_columns(course: Course) -> None:
    assert drawn(view(course, "mini", 40.0, 1, 200), 200) == [
        BAR,
        STATE,
        "  train mini/bert-small/k4/seed1                              28 s",
        f"  encode mini/bert-small/k4/seed1/pydoc-ood-with-a-long-name  {ENCODE}",
    ]


def test_the_live_part_stays_low_and_narrow(course: Course) -> None:
    for number in range(100, 130):
        course.begin(Job(number, "score", f"run{number}/" + "x" * 90, None, (), 30.0))
    lines = drawn(view(course, "mini", 40.0, 0, 40), 40)
    assert len(lines) == 2 + 8 + 1 and all(len(line) <= 40 for line in lines)
    assert lines[-1] == "  and 24 more"


def test_time_left_by_hand(course: Course) -> None:
    """At 40 s: backbones took 8, 10 and 12 s. `encode` says 21 s left after 25. Of `train` nothing has been seen.

    By the table of stages a backbone takes 12 s and `train` 22, so it should take 10 · 22 / 12, within a factor of 3;
    one of the two runs for 28 s already.
    """
    train = 10 * 22 / 12 / 3, 10 * 22 / 12 * 3
    low, high = time_left(course, 40.0) or (0.0, 0.0)
    work = 8 + 10 + 12 + (40 - 12) + (40 - 15)
    beside = work / 40
    encode = (25 + 21) / 1.4, (25 + 21) * 1.4
    assert low == pytest.approx((0 + 21 / 1.4 + train[0] * 1 + encode[0] * 3) / beside)
    assert high == pytest.approx((train[1] - 28 + 21 * 1.4 + train[1] * 1 + encode[1] * 3) / beside)


def test_nothing_is_said_of_the_time_before_three_jobs_are_done() -> None:
    course = Course()
    course.plan({"train": 5, "total": 5}, ("train",))
    course.begin(Job(1, "train", "", None, (), 0.0))
    course.finish(1, 5.0)
    assert time_left(course, 6.0) is None


@pytest.mark.parametrize(("terminal", "lines"), [(False, 1), (True, 2)])
def test_a_long_headline_is_broken_between_words_on_a_terminal_alone(
    terminal: bool, lines: int, tmp_path: Path
) -> None:
    sentence = "The best model falls short of BM25; still, the effect shows"
    (tmp_path / "report.log").write_text(f"INFO headline: {sentence}\n")
    out = StringIO()
    display = Calm(Console(file=out, width=32, force_terminal=terminal, color_system=None), clock=lambda: 0.0)
    display._show_headlines(tmp_path / "report.log")
    said = out.getvalue().splitlines()
    assert len(said) == lines
    assert " ".join(line.strip() for line in said) == sentence and all(line.startswith("  ") for line in said)
