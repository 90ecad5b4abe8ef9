"""What a long job writes into its log, read back."""

from __future__ import annotations

from itertools import pairwise

import pytest

from rescalade import progress
from rescalade.progress import Reporter, Shown, headline, read_headline, read_line


def test_a_line_that_is_written_is_read(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 100.0, 102.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    reporter = Reporter("train mini/bert: k4/seed1")
    reporter(0, 160, {})
    reporter(4, 160, {"step": 4, "loss": 0.0031415926, "lr": 2e-5, "worst": float("nan"), "fifth": 1})
    first, second = capsys.readouterr().err.splitlines()
    assert read_line(first) == Shown(0, 160, None, {})
    read = read_line(second)
    assert read is not None and (read.done, read.total, read.seconds_left) == (4, 160, 78.0)
    assert [*read.values] == ["step", "loss", "lr", "worst"] and read.values["loss"] == pytest.approx(0.003142)


@pytest.mark.parametrize(
    "line",
    ["", "INFO plan: 120 steps of 32 queries", "k = 8 tied: 1/2 of it", "a: 1/2, soon", "ratio: 3/4 said", "1/2"],
)
def test_other_lines_are_no_progress(line: str) -> None:
    assert read_line(line) is None


def test_lines_come_often_in_the_beginning_and_seldom_later(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job of 20 s tells 15 to 20 times how far it is, one of an hour about 400 times."""
    now = 1000.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    reporter, at = Reporter("x"), []
    for tenth in range(36_000):
        now = 1000.0 + tenth / 10
        reporter(tenth, 36_001, {})
        if capsys.readouterr().err:
            at.append(tenth / 10)
    assert 13 <= sum(each <= 20 for each in at) <= 20
    assert 370 <= len(at) <= 430
    assert max(later - earlier for earlier, later in pairwise(at)) < 10.2  # asked every tenth of a second


def test_headlines() -> None:
    assert read_headline(f"INFO {headline('✓ holds  this: that')}") == "✓ holds  this: that"
    assert read_headline("INFO plan: headline: no") is None
