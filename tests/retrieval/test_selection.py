"""The least of the best scores equals that of a full sort, whatever the scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rescalade.retrieval.kernel import _least, _ranked

SCORES = st.lists(
    st.floats(0, 1e6) | st.sampled_from([0.0, 1.5, 1.5000000000000002, 5e-324, 1e300]), min_size=1, max_size=60
)


@settings(deadline=None)
@given(scores=SCORES, data=st.data())
def test_the_value_at_a_rank(scores: list[float], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(scores) - 1))
    values = np.array(scores)
    assert _ranked(values, place) == sorted(scores)[place]
    assert sorted(values) == sorted(scores), "the same values in another order"


@settings(deadline=None)
@given(scores=SCORES, data=st.data())
def test_the_least_of_the_best(scores: list[float], data: st.DataObject) -> None:
    depth = data.draw(st.integers(1, len(scores)))
    values = np.array(scores)
    assert _least(values, depth) == sorted(scores, reverse=True)[depth - 1]
    assert list(values) == scores, "left as they were"


@pytest.mark.parametrize("values", [np.arange(5000.0), np.arange(5000.0)[::-1], np.zeros(5000), np.arange(5000.0) % 7])
def test_in_order_against_order_and_equal(values: np.ndarray) -> None:
    for place in (0, 1, 2500, 4998, 4999):
        assert _ranked(values.copy(), place) == np.sort(values)[place]
