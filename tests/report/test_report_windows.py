"""Windows against all that could be drawn: by brute force, and by hand where several are equally good."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from rescalade.report.results.window import NOTHING, Axis, Begun, Window, errors, fitted, inside, unavoidable

LOG, PLAIN = Axis(1e-9), Axis()


def runs(trained: list[float], failed: list[float]) -> list[Begun]:
    return [Begun((value,), True) for value in trained] + [Begun((value,), False) for value in failed]


def ends(values: list[float], axis: Axis) -> list[tuple[float, float]]:
    """Every end that there can be, with how far apart its two values are."""
    known = sorted({value for value in values if math.isfinite(value)})
    if axis.floor is None:
        inner = [((a + b) / 2, b - a) for a, b in itertools.pairwise(known)]
    else:
        moved = [value + axis.floor for value in known]
        inner = [(math.sqrt(a * b) - axis.floor, math.log(b / a)) for a, b in itertools.pairwise(moved)]
    return [(-math.inf, math.inf), *inner, (math.inf, math.inf)]


def drawn(values: list[float], axis: Axis) -> list[tuple[Window, float]]:
    """Every window, with the least of the distances at its two ends."""
    pairs = itertools.combinations(ends(values, axis), 2)
    return [(Window(low, high), min(a, b)) for (low, a), (high, b) in pairs if not axis.from_below or low == -math.inf]


def best(begun: list[Begun], axes: list[Axis]) -> list[float]:
    """Fewest errors of any box, and ends of the one whose runs stand farthest apart at them, then the widest."""
    sides = [drawn([run.values[place] for run in begun], axis) for place, axis in enumerate(axes)]
    nothing = [end for _ in axes for end in (math.inf, math.inf)]
    found = [(sum(run.trained for run in begun), -math.inf, nothing)]
    for box in itertools.product(*sides):
        windows = [window for window, _ in box]
        wrong = 0
        for run in begun:
            within = all(
                math.isfinite(value) and window.low <= value <= window.high
                for value, window in zip(run.values, windows, strict=True)
            )
            wrong += within != run.trained
        apart = min(distance for _, distance in box)
        found.append((wrong, -round(apart, 9), [end for window in windows for end in (window.low, -window.high)]))
    wrong, _, ends_of = min(found)
    return [wrong, *(end if place % 2 == 0 else -end for place, end in enumerate(ends_of))]


@pytest.mark.parametrize(
    "axes", [[LOG], [PLAIN], [Axis(1e-9, from_below=True)], [LOG, Axis(1e-4)], [Axis(1e-9, from_below=True), PLAIN]]
)
def test_of_all_windows_with_fewest_errors_the_one_farthest_from_its_runs_then_the_widest(axes: list[Axis]) -> None:
    draw = random.Random(7)
    for _ in range(25):
        kinds = draw.randint(2, 5)
        begun = [
            Begun(tuple(draw.choice([0.0, 0.5, 1.0, 3.0, 4.0][:kinds]) for _ in axes), draw.random() < 0.5)
            for _ in range(draw.randint(2, 9))
        ]
        box = fitted(begun, axes)
        assert [errors(box, begun), *(end for window in box for end in (window.low, window.high))] == pytest.approx(
            best(begun, axes)
        )


def test_a_border_that_is_there_is_found() -> None:
    (found,) = fitted(runs([1.0, 2.0, 4.0], [0.1, 0.25, 16.0, 30.0]), [LOG])
    assert (found.low, found.high) == (pytest.approx(0.5), pytest.approx(8.0))  # halfway on a log scale
    box = fitted(
        [Begun((x, y), 1 <= x <= 2 and y >= 0.1) for x in (0.5, 1, 2, 8) for y in (0.0, 0.1, 0.4)], [LOG, PLAIN]
    )
    assert [window.low for window in box] == [pytest.approx(math.sqrt(0.5)), pytest.approx(0.05)]
    assert [window.high for window in box] == [pytest.approx(4.0), math.inf]


def test_of_equally_good_ones_the_wider_margin_then_the_wider_window() -> None:
    """One error each: up to 1, up to 10, or 10 alone. The gap beyond 10 is wider than that beyond 1."""
    (found,) = fitted(runs([1.0, 10.0], [2.0, 30.0]), [LOG])
    assert (found.low, found.high) == (-math.inf, pytest.approx(math.sqrt(300)))
    # 2 ended in both ways, so that it may lie within or without, and as far from the next
    (found,) = fitted(runs([1.0, 2.0], [0.5, 2.0, 4.0]), [LOG])
    assert (found.low, found.high) == (pytest.approx(math.sqrt(0.5)), pytest.approx(math.sqrt(8)))


def test_one_outcome_alone_has_no_border() -> None:
    assert fitted(runs([1.0, 2.0], []), [LOG]) == (Window(),)
    assert fitted(runs([], [1.0, 2.0]), [LOG]) == (NOTHING,)
    assert fitted(runs([1.0], [1.0]), [LOG]) == (Window(),)  # as many of either: nobody can tell
    assert fitted([Begun((1.0, 2.0), False)], [LOG, LOG]) == (NOTHING, NOTHING)
    assert not inside((NOTHING,), (1.0,))


def test_what_is_not_finite_lies_in_no_window() -> None:
    begun = runs([1.0], [math.inf, math.nan])
    box = fitted(begun, [LOG])
    assert box == (Window(),) and errors(box, begun) == 0
    assert errors(box, runs([math.inf], [])) == 1


def test_nothing_active_has_a_place_on_an_axis_of_ratios() -> None:
    (found,) = fitted(runs([0.0099], [0.0, 0.0]), [Axis(1e-4)])
    assert found.low == pytest.approx(0.0009)  # sqrt(1e-4 * 1e-2) - 1e-4
    assert found.high == math.inf


def test_runs_that_began_alike_and_ended_otherwise_cannot_be_told() -> None:
    assert unavoidable(runs([1.0, 1.0, 2.0], [1.0, 3.0])) == 1
    assert unavoidable([Begun((1.0, 1.0), True), Begun((1.0, 2.0), False)]) == 0


def test_windows_in_words() -> None:
    windows = [Window(), Window(low=0.0123), Window(high=2.0), Window(-0.5, 1000.0), Window(math.inf, -math.inf)]
    assert [window.words for window in windows] == [
        "any",
        "from 0.0123",
        "to 2.00",
        "−0.500 to 1\N{NARROW NO-BREAK SPACE}000",
        "none",
    ]
