"""Seeds of dropout, each a function of what it is for: so a run that goes on draws as an unbroken one."""

from __future__ import annotations

import hashlib


def batch_seed(seed: int, step: int, number: int, part: int = 0) -> int:
    """Seed of dropout in one logical batch, or a part of it, of an optimiser step of a run."""
    own = seed * 1_000_003 + step
    return mixed(own, number, part) if number or part else own


def mixed(seed: int, *numbers: int) -> int:
    """A seed of 63 bits out of several numbers."""
    text = ":".join(map(str, (seed, *numbers)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1
