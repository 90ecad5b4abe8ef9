"""Times in words."""

from __future__ import annotations

import pytest

from rescalade.terminal.amounts import about, counted, time_range


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (21, 38, "20 to 40 s"),
        (36, 39, "35 to 40 s"),
        (2, 38, "at most 40 s"),
        (0, 0, "at most 0 s"),
        (70, 130, "1 to 3 min"),
        (40, 130, "at most 3 min"),
        (120, 120, "2 min"),
        (7000, 9000, "1 to 3 h"),
    ],
)
def test_range(low: float, high: float, words: str) -> None:
    assert time_range(low, high) == words


def test_about_and_counted() -> None:
    assert [about(34.2), about(720), about(9000)] == ["34 s", "12 min", "2.5 h"]
    assert [counted(1, "job"), counted(1258, "job")] == ["1 job", "1,258 jobs"]
