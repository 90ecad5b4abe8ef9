"""Threads of the numeric libraries, loaded or not."""

from __future__ import annotations

import os
import sys

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""What the libraries read once, when they are loaded."""


def use_threads(count: int) -> None:
    """Have NumPy's linear algebra compute with `count` threads; torch is told by who uses it, numba uses none here.

    A process that was forked after it was loaded has it with one thread (`rescalade.warm`).
    """
    os.environ.update(dict.fromkeys(VARIABLES, str(count)))
    if count > 1 and "numpy" in sys.modules:
        from threadpoolctl import threadpool_limits

        threadpool_limits(count, "blas")
