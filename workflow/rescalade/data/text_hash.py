"""A number for a text. Apart from the sets of them, which need NumPy: the configuration is read without it."""

from __future__ import annotations

import hashlib


def text_hash(text: str) -> int:
    """64 bits of blake2b of a text's UTF-8 form."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
