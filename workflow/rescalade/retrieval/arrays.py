"""Arrays as the compiled kernels take them."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)


def read_only(array: NDArray[Any], kind: type[Number]) -> NDArray[Number]:
    """The array as a contiguous, read-only one of the given type, without a copy where it is that already.

    Mapped files and columns of Parquet are read-only, and to the compiler that is a type of its own: if everything is,
    one compiled kernel serves all.
    """
    view = np.ascontiguousarray(array, kind).view(np.ndarray)
    view.setflags(write=False)
    return view
