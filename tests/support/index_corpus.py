"""A small corpus of vectors, whole and in shards."""

from __future__ import annotations

import numpy as np

from rescalade.vectors.vectors import SparseVectors
from support.vectors import vectors

VOCABULARY = 50


def corpus(documents: int = 300, terms: int = 8) -> SparseVectors:
    random = np.random.default_rng(3)
    rows = [
        dict(zip(random.choice(VOCABULARY, terms, replace=False).tolist(), random.random(terms) + 0.1, strict=True))
        for _ in range(documents)
    ]
    return vectors(rows)
