"""Intervals against scipy, an exact enumeration and their coverage in made-up experiments."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from rescalade.scoring.intervals import hierarchical_interval, stratified_interval, stratified_intervals


def test_one_set_is_scipys_percentile_bootstrap() -> None:
    values = np.random.default_rng(0).exponential(0.2, 80) - 0.15
    theirs = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    found = stratified_interval({"one": values}, resamples=20_000)
    width = theirs.high - theirs.low
    assert found.low == pytest.approx(theirs.low, abs=0.03 * width)
    assert found.high == pytest.approx(theirs.high, abs=0.03 * width)
    assert not found.seeds


def test_two_small_sets_against_every_sample() -> None:
    """3^3 samples of one set times 2^2 of the other, each equally likely: the 80 % ends of their macro means."""
    first, second = [0.0, 0.1, 0.5], [-0.4, 0.2]
    means = [np.mean(part) for part in product(first, repeat=3)]
    others = [np.mean(part) for part in product(second, repeat=2)]
    every = [(a + b) / 2 for a in means for b in others]
    low, high = np.quantile(every, [0.1, 0.9])
    found = stratified_interval({"a": first, "b": second}, confidence=0.8, resamples=20_000)
    # the ends jump between the few values that there are; a step is at most .02 there
    assert found.low == pytest.approx(low, abs=0.02) and found.high == pytest.approx(high, abs=0.02)
    assert found.low > min(every) and found.high < max(every)


def test_sets_weigh_alike() -> None:
    rng = np.random.default_rng(1)
    sets = {"large": rng.normal(0.03, 0.2, 10_000), "small": rng.normal(-0.09, 0.2, 400)}
    found = stratified_interval(sets)
    se = np.sqrt(sum(part.var() / part.size for part in sets.values())) / 2
    macro = (sets["large"].mean() + sets["small"].mean()) / 2
    assert found.high < 0
    assert (found.low, found.high) == pytest.approx((macro - 1.96 * se, macro + 1.96 * se), abs=0.15 * se)


def test_an_interval_does_not_depend_on_its_neighbours() -> None:
    rng = np.random.default_rng(2)
    one = {"a": rng.normal(0, 1, 30), "b": rng.normal(0, 1, 40)}
    two = {"a": rng.normal(0, 1, 30)}
    together = stratified_intervals([one, two])
    for alone, beside in zip([stratified_interval(one), stratified_interval(two)], together, strict=True):
        assert (beside.low, beside.high) == pytest.approx((alone.low, alone.high), rel=1e-12)
    with pytest.raises(ValueError, match="no differences"):
        stratified_interval({})


def test_one_seed_of_one_set_is_students_interval_and_says_that_seeds_are_unknown() -> None:
    values = np.random.default_rng(3).normal(0.1, 0.3, 25)
    theirs = stats.ttest_1samp(values, 0).confidence_interval()
    for given in (values[None], values):
        found = hierarchical_interval({"one": given})
        assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high))
        assert not found.seeds


def test_seeds_alone_give_welchs_interval() -> None:
    """All queries of a seed are equal, so only seeds vary: two independent samples of 3 and 4 seeds."""
    ours, theirs = np.array([0.30, 0.33, 0.35]), np.array([0.20, 0.29, 0.25, 0.22])
    expected = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval()
    found = hierarchical_interval(
        {"a": np.tile(ours[:, None], 9), "b": np.tile(ours[:, None], 5)},
        {"a": np.tile(theirs[:, None], 9), "b": np.tile(theirs[:, None], 5)},
    )
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.seeds


def test_by_hand_with_a_system_without_seeds() -> None:
    """BM25 has no seeds: two sets, two seeds of ours."""
    ours = {"a": [[0.5, 0.7], [0.3, 0.9]], "b": [[0.2, 0.2, 0.5], [0.4, 0.2, 0.6]]}
    bm25 = {"a": [0.4, 0.5], "b": [0.1, 0.2, 0.3]}
    # seeds: means of a .6 .6, of b .3 .4; macro .45 .5; variance .00125, over 2 seeds .000625, 1 degree of freedom
    # queries: a: .4 - .4, .8 - .5 = 0, .3: variance .045 over 4 * 2 = .005625, 1 degree
    #          b: .3 - .1, .2 - .2, .55 - .3 = .2, 0, .25: variance .0175 over 4 * 3 = .00145833, 2 degrees
    variance = 0.000625 + 0.005625 + 0.0175 / 12
    freedom = variance**2 / (0.000625**2 + 0.005625**2 + (0.0175 / 12) ** 2 / 2)
    centre = (0.15 + 0.15) / 2
    half = stats.t.ppf(0.975, freedom) * variance**0.5
    found = hierarchical_interval(ours, bm25)
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half))
    assert found.seeds


def test_a_single_seed_of_either_leaves_the_seeds_unknown() -> None:
    rng = np.random.default_rng(5)
    three, one = {"a": rng.normal(0, 1, (3, 20))}, {"a": rng.normal(0, 1, (1, 20))}
    assert not hierarchical_interval(three, one).seeds
    assert not hierarchical_interval(one, three).seeds
    assert hierarchical_interval(three, three).seeds
    assert hierarchical_interval(three, {"a": one["a"][0]}).seeds


def test_what_does_not_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="same sets and queries"):
        hierarchical_interval({"a": [[0.1, 0.2]]}, {"a": [[0.1, 0.2, 0.3]]})
    with pytest.raises(ValueError, match="same sets and queries"):
        hierarchical_interval({"a": [[0.1, 0.2]]}, {"b": [[0.1, 0.2]]})
    with pytest.raises(ValueError, match="same seeds"):
        hierarchical_interval({"a": [[0.1], [0.2]], "b": [[0.1]]})
    with pytest.raises(ValueError, match="finite"):
        hierarchical_interval({"a": [[0.1, float("nan")]]})
    with pytest.raises(ValueError, match="no differences"):
        hierarchical_interval({})


@pytest.mark.parametrize("seed_sd", [0.0, 0.005, 0.02])
def test_covers_what_it_says_with_three_seeds(seed_sd: float) -> None:
    """The true difference is 0, the queries' sd is .18; a resampling of three seeds covers .91 at an sd of .02."""
    rng = np.random.default_rng(6)
    covered = []
    for _ in range(600):
        queries = rng.normal(0, 0.15, 200)
        ours = queries + rng.normal(0, seed_sd, (3, 1)) + rng.normal(0, 0.1, (3, 200))
        theirs = rng.normal(0, seed_sd, (3, 1)) + rng.normal(0, 0.1, (3, 200))
        found = hierarchical_interval({"a": ours}, {"a": theirs})
        covered.append(found.low <= 0 <= found.high)
    # binomial sd at .95 and 600: .009; it may be wider than it says, hardly narrower
    assert 0.93 <= np.mean(covered) <= 0.99
