"""The comparison of bench/bench_engines.py, on lists worked by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine_compare import compare, postings_differ, reference
from rescalade.retrieval.storage import load_index, write_index
from support.vectors import vectors

OURS = {"q": {"a": 5.0, "b": 4.0, "c": 4.0, "d": 4.0, "e": 1.0}}


@pytest.mark.parametrize(
    ("answer", "overlap", "equal", "equal_set", "equal_but_ties", "equal_set_but_ties"),
    [
        ("abc", 1, 1, 1, 1, 1),
        ("acb", 1, 0, 1, 1, 1),  # a tie the other way round
        ("adb", 2 / 3, 0, 0, 1, 1),  # d is as good as c, which is cut off
        ("bac", 1, 0, 1, 0, 1),  # worse before better: an error of order
        ("abe", 2 / 3, 0, 0, 0, 0),
        ("ab", 2 / 3, 0, 0, 0, 0),  # too short
        ("abb", 2 / 3, 0, 0, 0, 0),  # a document twice
        ("abx", 2 / 3, 0, 0, 0, 0),  # one that matches nothing
        ("", 0, 0, 0, 0, 0),
    ],
)
def test_ties_may_change_places_and_nothing_else(
    answer: str, overlap: float, equal: float, equal_set: float, equal_but_ties: float, equal_set_but_ties: float
) -> None:
    found = compare(OURS, {"q": [(name, OURS["q"].get(name, 0.0)) for name in answer]}, 3, 0.0)
    assert found.pop("overlap") == pytest.approx(overlap)
    assert found == {
        "equal": equal,
        "equal_set": equal_set,
        "equal_but_ties": equal_but_ties,
        "equal_set_but_ties": equal_set_but_ties,
        "score_difference": 0,
    }


def test_the_largest_difference_of_a_score_is_relative_to_ours() -> None:
    answer = {"q": [("a", 5.0), ("b", 4.1), ("c", 3.6)]}
    assert compare(OURS, answer, 3, 0.0)["score_difference"] == pytest.approx(0.1)
    assert compare(OURS, answer, 1, 0.0)["score_difference"] == 0


def test_scores_nearer_than_the_tolerance_are_ties() -> None:
    ours = {"q": {"a": 2.0 + 1e-7, "b": 2.0}}
    answer = {"q": [("b", 2.0), ("a", 2.0)]}
    assert compare(ours, answer, 2, 0.0)["equal_but_ties"] == 0
    assert compare(ours, answer, 2, 1e-6)["equal_but_ties"] == 1


def test_postings_of_another_reader(tmp_path: Path) -> None:
    corpus = vectors([{1: 2.0, 3: 5.0}, {}, {3: 7.0}], "d")
    write_index(tmp_path, [corpus], 5)
    index = load_index(tmp_path)
    assert reference(index, vectors([{3: 2.0, 4: 1.0}], "q"), 2) == {"q0": {"d2": 7.0, "d0": 5.0}}

    def differ(weights: list[int], lengths: list[int]) -> int:
        np.savez(tmp_path / "read.npz", terms=[1, 3, 3], documents=[0, 0, 2], weights=weights)
        return postings_differ(tmp_path / "read.npz", list(zip(corpus.ids, lengths, strict=True)), index)

    assert differ([2, 5, 7], [7, 0, 7]) == 0
    assert differ([2, 5, 8], [7, 0, 8]) == 2  # one posting, as we have it and as it was read
    assert differ([2, 5, 7], [7, 1, 7]) == 2  # one document's length
