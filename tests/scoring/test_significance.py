"""The randomisation test against an exact enumeration, Holm against values worked by hand."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from scipy import stats

from rescalade.scoring.significance import (
    PERMUTATIONS,
    difference_and_level,
    holm,
    macro_sign_flip_test,
    macro_sign_flip_tests,
    noninferiority_test,
    permutations_for,
    sign_flip_test,
)


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


def test_sets_weigh_alike_whatever_their_size() -> None:
    """Every pattern of 3 + 1 + 2 queries in exact fractions: the statistic is the mean of the sets' means."""
    sets = {"large": [0.25, 0.5, -0.25], "single": [-0.75], "pair": [0.5, 0.25]}
    sizes = [len(part) for part in sets.values()]

    def macro(values: list[Fraction]) -> Fraction:
        parts, rest = [], values
        for size in sizes:
            parts.append(sum(rest[:size], Fraction()) / size)
            rest = rest[size:]
        return sum(parts, Fraction()) / len(parts)

    flat = [Fraction(value) for part in sets.values() for value in part]
    patterns = [
        macro([s * d for s, d in zip(signs, flat, strict=True)]) for signs in product((1, -1), repeat=len(flat))
    ]
    observed = macro(flat)
    assert observed == Fraction(-5, 72)
    two_sided = sum(abs(value) >= abs(observed) for value in patterns) / len(patterns)
    greater = sum(value >= observed for value in patterns) / len(patterns)
    assert macro_sign_flip_test(sets) == two_sided
    assert macro_sign_flip_test(sets, alternative="greater") == greater
    assert two_sided != greater


def test_one_set_is_scipys_permutation_test() -> None:
    differences = np.random.default_rng(3).normal(0.05, 0.2, 60)
    theirs = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(1)
    )
    # each has a binomial sd below .0036 at a share of .05 or so; five of them together
    assert macro_sign_flip_test({"one": differences}) == pytest.approx(theirs.pvalue, abs=0.02)
    one_sided = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=20_000, alternative="greater",
        rng=np.random.default_rng(1),
    )  # fmt: skip
    assert macro_sign_flip_test({"one": differences}, alternative="greater") == pytest.approx(
        one_sided.pvalue, abs=0.02
    )


def made_up_beir() -> dict[str, np.ndarray]:
    """Three large sets rise by .03, ten smaller ones fall by .06."""
    rng = np.random.default_rng(13)
    large = {name: rng.normal(0.03, 0.25, size) for name, size in (("quora", 10_000), ("hotpotqa", 7405), ("f", 6666))}
    sizes = (49, 50, 300, 323, 400, 648, 1000, 1406, 1535, 3452)
    return large | {f"small-{size}": rng.normal(-0.06, 0.25, size) for size in sizes}


def test_ten_falling_sets_outweigh_three_large_rising_ones() -> None:
    sets = made_up_beir()
    pooled = np.concatenate(list(sets.values()))
    assert pooled.mean() > 0 and sign_flip_test(pooled, 2000) < 0.001, "pooled queries say that it is better"
    macro = np.mean([part.mean() for part in sets.values()])
    assert macro == pytest.approx((3 * 0.03 - 10 * 0.06) / 13, abs=0.01)
    assert macro_sign_flip_test(sets, 2000) < 0.001
    # as a z test: the variance of the macro mean is the sum of s^2 / n over D^2
    z = macro / (np.sqrt(sum(part.var(ddof=1) / part.size for part in sets.values())) / 13)
    assert 2 * stats.norm.sf(abs(z)) < 1e-4
    assert macro_sign_flip_test(sets, 2000, alternative="greater") > 0.99


def test_macro_p_is_that_of_the_normal_approximation() -> None:
    """Many queries, one clear and one doubtful difference."""
    rng = np.random.default_rng(2)
    sets = {"a": rng.normal(0.01, 0.2, 900), "b": rng.normal(0.02, 0.3, 400), "c": rng.normal(0.0, 0.1, 100)}
    sets = {name: part.clip(-1, 1) for name, part in sets.items()}
    # under random signs a query's variance is its square
    spread = np.sqrt(sum((part**2).sum() / part.size**2 for part in sets.values())) / 3
    z = np.mean([part.mean() for part in sets.values()]) / spread
    expected = 2 * stats.norm.sf(abs(z))
    assert 0.005 < expected < 0.5
    assert macro_sign_flip_test(sets, 20_000) == pytest.approx(expected, abs=0.015)


def test_a_comparison_keeps_its_p_whatever_it_is_tested_with() -> None:
    rng = np.random.default_rng(7)
    first = {"a": rng.normal(0.02, 0.3, 200), "b": rng.normal(0, 0.3, 50)}
    second = {"a": rng.normal(0.05, 0.3, 200)}
    few = {"a": np.array([0.5, 0.25, 0.125]), "empty": np.array([])}
    other = {"a": rng.normal(0, 1, 31), "c": rng.normal(0, 1, 1000)}
    together = macro_sign_flip_tests([first, second, few, other], 1000)
    assert together == [macro_sign_flip_test(one, 1000) for one in (first, second, few, other)]
    assert together[2] == 0.25
    assert macro_sign_flip_tests([]) == []


def test_not_worse_by_a_margin() -> None:
    rng = np.random.default_rng(4)
    level = {"a": rng.normal(0, 0.1, 2000) - 0.002, "b": rng.normal(0, 0.1, 900)}
    assert noninferiority_test(level, 0.01) < 0.01
    assert noninferiority_test(level, 0.0) > 0.3
    worse = {name: part - 0.02 for name, part in level.items()}
    assert noninferiority_test(worse, 0.01) > 0.99
    # at the margin itself it is the null hypothesis: 3 queries, all patterns by hand. -.01 and two of +.03 around -.01
    exact = {"a": np.array([-0.02, 0.0, -0.01])}  # + .01: -.01, .01, 0: the sum is 0, reached by 3 of 4 patterns
    assert noninferiority_test(exact, 0.01) == 0.75


def test_both_tests_in_one_go_are_those_alone() -> None:
    rng = np.random.default_rng(8)
    comparisons = [
        {"a": rng.normal(0.01, 0.1, 90), "b": rng.normal(0.0, 0.1, 20)},
        {"a": rng.normal(0.0, 0.1, 90), "b": rng.normal(-0.03, 0.1, 20)},
        {"a": rng.normal(0.005, 0.1, 90)},
        {"c": rng.normal(0.005, 0.02, 8)},
        {"a": np.where(np.arange(90) < 3, 0.5, 0.0)},  # few differences, but as many queries are moved by the margin
    ]
    for (p, level), one in zip(difference_and_level(comparisons, 0.01, 2000), comparisons, strict=True):
        assert p == macro_sign_flip_test(one, 2000)
        assert level == noninferiority_test(one, 0.01, 2000)
        assert 0 < level < 1 and 0 < p < 1
    assert difference_and_level([], 0.01) == []


def test_permutations_grow_with_the_table_and_stay_affordable() -> None:
    assert permutations_for(1) == permutations_for(25) == PERMUTATIONS
    assert permutations_for(60) == 24_000
    for comparisons in (60, 100, 250, 5000):
        least = comparisons / (1 + permutations_for(comparisons))
        assert least < 0.05, "Holm must be able to show something"
    assert permutations_for(10**6) == 100_000


def test_holm_by_hand() -> None:
    # sorted .005 .01 .03 .04, times 4 3 2 1 = .02 .03 .06 .04; made monotone: .02 .03 .06 .06
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_stops_at_one_and_takes_nothing() -> None:
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
