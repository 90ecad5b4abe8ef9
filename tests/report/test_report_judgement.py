"""The verdict on one number: each outcome by hand, and that neither noise nor seeds make `reproduced` easier."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rescalade.report.results.judgement import Evidence, Move, Verdict, judge
from rescalade.report.results.noise import Noise, pooled
from rescalade.report.results.numbers import Spread
from verdict_rates import rates, table

MARGIN = 0.01


# half-width with sd .005, 4 degrees of freedom, 3 runs: 2.776 * .005 * sqrt(4 / 3) = .0160; two single runs: .0139
@pytest.mark.parametrize(
    ("difference", "noise", "verdict"),
    [
        (None, None, "not run"),
        (math.nan, None, "not reproduced"),
        (0.0, Noise(0.0, math.inf), "reproduced"),
        (0.0061, Noise(0.005, 4), "reproduced"),
        (0.0062, Noise(0.005, 4), "compatible, too noisy to say"),
        (-0.0159, Noise(0.005, 4), "compatible, too noisy to say"),
        (-0.0162, Noise(0.005, 4), "not reproduced"),
        (0.0162, Noise(0.005, 4), "better than published"),
        (0.0099, None, "reproduced"),
        (0.0101, None, "better than published"),
        (-0.0101, None, "not reproduced"),
    ],
)
def test_by_hand(difference: float | None, noise: Noise | None, verdict: Verdict) -> None:
    assert judge(Evidence(difference, 3, MARGIN, noise, improves=1)) == verdict


def test_half_width_against_scipy() -> None:
    expected = stats.t.ppf(0.975, 4) * 0.005 * math.sqrt(1 + 1 / 3)
    assert Noise(0.005, 4).half_width(3) == pytest.approx(expected)
    assert Noise(0.005, math.inf).half_width(1) == pytest.approx(stats.norm.ppf(0.975) * 0.005 * math.sqrt(2))


def test_seeds_that_disagree_are_unstable_whatever_the_mean() -> None:
    assert judge(Evidence(0.0, 3, MARGIN, Noise(0.0, 2), unstable=True)) == "unstable"


def test_a_published_failure_cannot_be_bettered() -> None:
    assert judge(Evidence(0.2, 3, MARGIN, Noise(0.001, 9), improves=1, failed=True)) == "not reproduced"


@pytest.mark.parametrize(
    ("published", "ours", "noise", "verdict"),
    [
        (0.10, 0.05, Noise(0.005, 9), "direction holds"),
        (0.10, -0.05, Noise(0.005, 9), "not reproduced"),
        (0.10, 0.005, Noise(0.005, 9), "not reproduced"),  # t(9) = 2.262, sd of the difference .0041: .0092 is needed
        (0.009, 0.05, Noise(0.005, 9), "not reproduced"),  # the paper's own move is within the margin
        (0.10, 0.011, None, "direction holds"),
        (0.10, 0.009, None, "not reproduced"),
    ],
)
def test_direction(published: float, ours: float, noise: Noise | None, verdict: Verdict) -> None:
    move = Move(published, ours, (3, 3))
    assert judge(Evidence(-0.05, 3, MARGIN, noise, improves=1, move=move)) == verdict


values = st.floats(-0.05, 0.05)
spreads = st.floats(0, 0.05)
counts = st.integers(1, 10)


@given(values, spreads, spreads, counts, counts)
def test_neither_noise_nor_seeds_make_reproduced_easier(
    difference: float, less: float, more: float, few: int, many: int
) -> None:
    less, more = sorted((less, more))
    few, many = sorted((few, many))

    def verdict(sd: float, seeds: int) -> Verdict:
        return judge(Evidence(difference, seeds, MARGIN, Noise(sd, 6 * seeds), improves=1))

    if verdict(more, many) == "reproduced":
        assert verdict(less, many) == verdict(more, few) == verdict(less, few) == "reproduced"
    if verdict(more, many) == "reproduced":
        assert judge(Evidence(difference, 1, MARGIN, None)) == "reproduced"


def test_pooled_noise_by_hand() -> None:
    # cells of 2 and 3 seeds: variances .0004 and .0001, degrees of freedom 1 and 2: (.0004 + .0002) / 3 = .0002
    found = pooled([Spread(0.4, 0.02, 2, 2), Spread(0.5, 0.01, 3, 3), Spread(0.1, None, 1, 1)])
    assert found == Noise(pytest.approx(0.0002**0.5), 3)  # type: ignore[arg-type]
    assert pooled([Spread(0.1, None, 1, 1)]) is None


def test_the_rates_of_the_documented_table() -> None:
    import numpy as np

    rng = np.random.default_rng(1)
    equal = rates(0.0, 0.25, 3, 18, 2000, rng)
    off = rates(-2.0, 0.25, 3, 18, 2000, rng)
    assert equal["reproduced"] > 0.98
    assert off["reproduced"] < 0.01 < 0.95 < off["not reproduced"]
    # too much noise for the margin: hardly ever a false alarm, and hardly ever a reproduction
    noisy = rates(0.0, 1.0, 3, 18, 2000, rng)
    assert noisy["reproduced"] < 0.005
    assert noisy["not reproduced"] + noisy["better than published"] == pytest.approx(0.05, abs=0.02)


def test_the_documents_table_is_what_the_command_prints() -> None:
    from support.synthetic_fates import REPOSITORY

    assert table(4000) in (REPOSITORY / "docs/verdicts.md").read_text(encoding="utf-8")
