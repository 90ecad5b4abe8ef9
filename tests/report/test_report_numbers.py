"""How numbers are written and averaged."""

import math

import pytest

from rescalade.report.results.numbers import Spread, as_float, duration, listed, size, with_spread, written

THIN = "\u202f"


@pytest.mark.parametrize(
    ("value", "style", "expected"),
    [
        (0.20449, "measure", "0.204"),
        (1.0, "measure", "1.000"),
        (-0.0004, "measure", "0.000"),
        (-0.046, "measure", "\u22120.046"),
        (21600.4, "size", f"21{THIN}600"),
        (71.44, "size", "71.4"),
        (9.996, "size", "10.0"),
        (3.5, "size", "3.50"),
        (0.077, "size", "0.077"),
        (15.2, "norm", "15.200"),
        (0.00001, "probability", f"<{THIN}0.0001"),
        (8192, "count", f"8{THIN}192"),
        (math.nan, "measure", "–"),
        (math.inf, "size", "–"),
        (None, "measure", "–"),
    ],
)
def test_written(value: float | None, style: str, expected: str) -> None:
    assert written(value, style) == expected  # type: ignore[arg-type]


def test_spread_by_hand() -> None:
    # mean of 2, 4, 9 is 5; squared distances 9 + 1 + 16 = 26, over n - 1 = 2: 13
    spread = Spread.of([2, 4, 9])
    assert (spread.mean, spread.finite, spread.total) == (5, 3, 3)
    assert spread.sd == pytest.approx(math.sqrt(13))


def test_non_finite_values_are_counted_not_averaged() -> None:
    assert Spread.of([1.0, math.nan, math.inf]) == Spread(1.0, None, 1, 3)
    assert Spread.of([math.nan, None]) == Spread(None, None, 0, 2)
    assert Spread.of([]) == Spread(None, None, 0, 0)


def test_with_spread_uses_the_digits_of_the_mean() -> None:
    assert with_spread(Spread.of([70.0, 72.0])) == "71.000 ± 1.414"
    assert with_spread(Spread.of([0.4])) == "0.400"


@pytest.mark.parametrize("value", ["no number", None, True, [1]])
def test_what_is_no_number(value: object) -> None:
    assert math.isnan(as_float(value))


def test_words() -> None:
    assert [duration(s) for s in (0.24, 48, 560, 11100)] == ["0.2 s", "48 s", "9 min 20 s", "3 h 05 min"]
    assert [size(n) for n in (999, 1e6, 2.6e9)] == ["999 B", "1 MB", "2.6 GB"]
    assert [listed(x) for x in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]
