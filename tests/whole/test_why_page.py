"""docs/why.md says what its tables say, number by number."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from rescalade.report.results.known import kept_runs
from support.held_numbers import fault_of, numbers_of

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "why.md"
TABLE = "backbone,variant,quality,n\nsome head,k2,0.5712,1234\nsome head,k4,-0.2,3\nother,k2,,7\n"


def test_every_number_of_the_page_is_in_its_table() -> None:
    found = list(numbers_of(PAGE.read_text(encoding="utf-8")))
    assert len(found) > 40
    assert [fault for one in found if (fault := fault_of(one, PAGE.parent / "why"))] == []


def test_the_window_is_that_of_the_table_and_right_on_the_kept_runs_of_another_text() -> None:
    with (PAGE.parent / "why" / "step0-map.csv").open(encoding="utf-8", newline="") as stream:
        (window,) = [row["window"] for row in csv.DictReader(stream) if row["predictor"] == "seen_sd"]
    assert f"`{window}`" in PAGE.read_text(encoding="utf-8")
    low, high = map(float, window.split(" to "))
    told = [(low <= run.score_sd <= high, run.trained) for run in kept_runs() if run.source in ("boolq", "boolq-x12")]
    assert len(told) == 78 and {trained for _, trained in told} == {True, False}
    assert all(inside == trained for inside, trained in told)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (".57<!--t backbone=some_head variant=k2: quality--> of", None),
        ("57<!--t backbone=some_head variant=k2: quality--> %", None),
        ("−.2<!--t backbone~head variant=k4: quality-->.", None),
        ("1,234<!--t variant=k2 backbone~some: n-->,", None),
        ("2<!--count t variant=k2-->", None),
        ("1,237<!--sum t backbone~head: n-->", None),
        ("1<!--count t quality>0-->", None),
        ("1,234.57<!--t variant=k2 backbone~some: n+quality-->", None),
        (".58<!--t backbone=some_head variant=k2: quality-->", "the table says 0.5712"),
        ("3<!--count t variant=k2-->", "the table says 2"),
        ("at k = 4, in `7`, arXiv 2606.18811, [this](5.md) and MRR@10 with 95 %", None),
        ("and 7 of them", "7 says not where it is from"),
        (".5<!--t variant=k2: quality-->", "2 rows of t fit"),
        (".5<!--t backbone=other: quality-->", "could not convert"),
        (".5<!--t backbone=some_head variant=k2: quantity-->", "quantity"),
        (".5<!--t head=x: quality-->", "no column head"),
    ],
)
def test_a_number_is_held_or_said_to_be_wrong(tmp_path: Path, words: str, fault: str | None) -> None:
    (tmp_path / "t.csv").write_text(TABLE, encoding="utf-8")
    found = [why for one in numbers_of(f"# 4 heads\n\n{words}\n") if (why := fault_of(one, tmp_path))]
    assert (found == []) if fault is None else (len(found) == 1 and fault in found[0] and "line 3" in found[0])
