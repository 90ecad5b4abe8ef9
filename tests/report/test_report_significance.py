"""The randomisation test against an exact enumeration, Holm against values worked by hand."""

from itertools import product

import numpy as np
import pytest

from rescalade.scoring.significance import holm, sign_flip_test


def enumerated(differences: list[float]) -> float:
    """All 2^n sign patterns in exact integer arithmetic (differences are multiples of 1/1000)."""
    whole = [round(1000 * value) for value in differences]
    patterns = [
        abs(sum(s * d for s, d in zip(signs, whole, strict=True))) for signs in product((1, -1), repeat=len(whole))
    ]
    return sum(total >= abs(sum(whole)) for total in patterns) / len(patterns)


@pytest.mark.parametrize(
    "differences",
    [
        [0.1, 0.2, 0.3],  # only +++ and --- reach the sum: 2 of 8
        [0.5, -0.5, 0.25],
        [0.1] * 8,
        [0.3, -0.1, 0.2, 0.4, -0.05, 0.6, 0.1, 0.1, 0.2, -0.3],
    ],
)
def test_few_queries_are_enumerated_exactly(differences: list[float]) -> None:
    assert sign_flip_test(differences) == enumerated(differences)


def test_by_hand() -> None:
    assert sign_flip_test([0.1, 0.2, 0.3]) == 0.25


def test_drawn_patterns_agree_with_enumeration() -> None:
    differences = [0.3, -0.1, 0.2, 0.4, -0.05, 0.6, 0.1, -0.1, 0.2, -0.3, 0.15, 0.02, -0.2, 0.1, 0.05]
    exact = enumerated(differences)  # 2^15 patterns, more than the 10,000 that are drawn
    found = sign_flip_test(differences)
    # binomial sd of a share at 10,000 draws is at most .005; four of them
    assert found == pytest.approx(exact, abs=0.02)
    assert 0.05 < exact < 0.5, "the example must be neither certain nor hopeless to be a test"


def test_equal_queries_change_nothing() -> None:
    assert sign_flip_test([0.1, 0.2, 0.3, 0.0, 0.0]) == sign_flip_test([0.1, 0.2, 0.3])


def test_no_difference_at_all() -> None:
    assert sign_flip_test([0.0] * 50) == 1.0
    assert sign_flip_test([]) == 1.0


def test_never_zero_and_repeatable() -> None:
    strong = np.full(200, 0.5)
    assert sign_flip_test(strong) == 1 / 10_001
    weak = np.random.default_rng(5).normal(0.02, 0.3, 300)
    assert sign_flip_test(weak) == sign_flip_test(weak)


def test_direction_does_not_matter() -> None:
    weak = np.random.default_rng(5).normal(0.02, 0.3, 300)
    assert sign_flip_test(weak) == sign_flip_test(-weak)


def test_non_finite_differences_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        sign_flip_test([0.1, float("nan")])


def test_uniform_under_the_null() -> None:
    """Of 200 comparisons without a difference about 5 % fall below .05; 20 would be five sd too many."""
    rng = np.random.default_rng(1)
    hits = sum(sign_flip_test(rng.normal(0, 1, 40), permutations=400, seed=trial) < 0.05 for trial in range(200))
    assert hits < 25


def test_holm_by_hand() -> None:
    # sorted .005 .01 .03 .04, times 4 3 2 1 = .02 .03 .06 .04; made monotone: .02 .03 .06 .06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_stops_at_one_and_takes_nothing() -> None:
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
