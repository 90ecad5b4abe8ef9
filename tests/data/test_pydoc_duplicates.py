"""Near-duplicates against brute force with exact fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rescalade.data.pydoc.duplicates import near_duplicates


def jaccard(one: str, other: str) -> Fraction:
    def runs(text: str) -> set[tuple[str, ...]]:
        found = text.lower().split()
        return {tuple(found[i : i + 5]) for i in range(len(found)) if i + 5 <= len(found)} or {tuple(found)}

    a, b = runs(one), runs(other)
    return Fraction(len(a & b), len(a | b))


def test_worked_by_hand() -> None:
    # Six runs of five words in each of the first two. They differ in the last word, so five of seven runs are common.
    documents = ["a b c d e f g h i j", "a b c d e f g h i k", "k j i h g f e d c b"]
    assert near_duplicates(documents, 5 / 7) == [False, True, False]
    assert near_duplicates(documents, 0.72) == [False, False, False]


def test_a_marked_document_marks_no_other() -> None:
    # The second is close to both others, which are not close to each other (4/8 < 5/7): two stay.
    documents = ["a b c d e f g h i j", "b c d e f g h i j k", "c d e f g h i j k l"]
    assert near_duplicates(documents, 5 / 7) == [False, True, False]


def test_case_and_punctuation_do_not_matter() -> None:
    assert near_duplicates(["One, two: three.", "one two THREE"], 1.0) == [False, True]


# Three words only, so that runs of five are often common.
DOCUMENTS = st.lists(
    st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=14).map(" ".join), min_size=1, max_size=14
)


@given(DOCUMENTS, st.sampled_from([Fraction(n, 10) for n in range(1, 11)]))
@settings(max_examples=300, deadline=None)
@example(["x y z x y z", "x y z x y z"], Fraction(1))
def test_same_as_brute_force(documents: list[str], threshold: Fraction) -> None:
    expected: list[bool] = []
    for number, document in enumerate(documents):
        earlier = [documents[other] for other in range(number) if not expected[other]]
        expected.append(any(jaccard(document, other) >= threshold for other in earlier))
    assert near_duplicates(documents, float(threshold)) == expected


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.1])
def test_threshold_out_of_range(threshold: float) -> None:
    with pytest.raises(ValueError, match=str(threshold)):
        near_duplicates(["a"], threshold)
