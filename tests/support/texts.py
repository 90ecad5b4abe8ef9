"""Texts that tests train and encode."""

from __future__ import annotations

import numpy as np

WORDS = [
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "while",
    "seven",
    "wizards",
    "vex",
    "jolly",
    "kings",
]


TEXTS = [" ".join(np.random.default_rng(i).choice(WORDS, 12)) for i in range(120)]
