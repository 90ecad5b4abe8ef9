"""Libraries that log what is no news to anybody here."""

from __future__ import annotations

import logging

CHATTY = {
    "bm25s": logging.WARNING,
    "fontTools": logging.WARNING,
    "torchao": logging.ERROR,  # of kernels for other machines, when transformers loads it
    "torch.utils._pytree": logging.ERROR,  # of torchao
}
"""Name of the logger to the least level that is shown."""


def quieten() -> None:
    """Set the levels, of libraries that are loaded or will be."""
    for name, level in CHATTY.items():
        logging.getLogger(name).setLevel(level)
