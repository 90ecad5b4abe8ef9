"""Queries of several data sets, weighted as the plain mean over the sets weighs them, and what is drawn over them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

BATCH = 256
"""Draws that are in memory together; a multiple of 4, so that no random byte is lost between batches."""

Draw = Callable[[np.random.Generator, int, int], NDArray[np.float64]]
"""rng, rows, queries -> [rows, queries] factors of the queries' values."""


def weighted(differences: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
    """By set, [n_d] values over D n_d, for the D sets that have any: their sum is the plain mean of the sets' means.

    Raises:
        ValueError: a value is not finite.
    """
    values = {name: np.asarray(part, np.float64).ravel() for name, part in differences.items()}
    if not all(np.isfinite(part).all() for part in values.values()):
        raise ValueError("differences must be finite")
    some = {name: part for name, part in values.items() if part.size}
    return {name: part / (len(some) * part.size) for name, part in some.items()}


def in_sets(
    columns: Sequence[Mapping[str, NDArray[np.float64]]],
) -> dict[tuple[str, int], tuple[list[int], NDArray[np.float64]]]:
    """By set and its number of queries n: the places of the columns that have it, and their values [n, places]."""
    places: dict[tuple[str, int], list[int]] = {}
    for place, column in enumerate(columns):
        for name, part in column.items():
            places.setdefault((name, part.size), []).append(place)
    return {key: (found, np.stack([columns[place][key[0]] for place in found], 1)) for key, found in places.items()}


def batches(
    sets: Mapping[tuple[str, int], tuple[list[int], NDArray[np.float64]]],
    columns: int,
    draws: int,
    seed: int,
    draw: Draw,
) -> Iterator[NDArray[np.float64]]:
    """[rows, columns] sums over the sets of drawn factors times values, until there were `draws` rows.

    Every set has a generator of its own, seeded by its name, so a column's sums do not depend on the others'.
    """
    generators = {key: np.random.default_rng([seed, zlib.crc32(key[0].encode())]) for key in sets}
    for start in range(0, draws, BATCH):
        rows = min(BATCH, draws - start)
        sums = np.zeros((rows, columns))
        for (name, queries), (places, values) in sets.items():
            sums[:, places] += draw(generators[name, queries], rows, queries) @ values
        yield sums
