"""What libraries would load on the way although no stage uses it: a third of a second here, half a second there.

A job is a process of its own, and many take no longer than their imports (`bench/bench_starts.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import Any


def lighten() -> None:
    """Settle what is not needed, once the module of a stage is loaded; of its libraries nothing else changes."""
    if "pyarrow" in sys.modules and "pandas" not in sys.modules:
        _arrow_without_pandas()
    if "torch" in sys.modules and not {"transformers.loss.loss_utils", "scipy.optimize"} & sys.modules.keys():
        _losses_without_scipy()


def _arrow_without_pandas() -> None:
    """Let pyarrow find no pandas.

    It imports pandas to ask of the first list that it is given whether that is a Series. What it found it remembers,
    so `to_pandas` is lost to this process; only the reporting stages have frames, and they make them from columns.
    """
    import pyarrow as pa

    with _hidden("pandas"):
        pa.array([])


def _losses_without_scipy() -> None:
    """Load transformers' losses, all of them come with any model, with scipy's optimisers behind a function.

    Object detection matches boxes by one function of them. It is loaded when that is called.
    """
    optimize: Any = ModuleType("scipy.optimize")
    optimize.linear_sum_assignment = _linear_sum_assignment
    sys.modules[optimize.__name__] = optimize
    try:
        import_module("transformers.loss.loss_utils")
    except ImportError:
        pass  # another version, which wants more of them: it gets the real ones when a model is loaded
    finally:
        del sys.modules[optimize.__name__]


def _linear_sum_assignment(*arguments: Any, **options: Any) -> Any:
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(*arguments, **options)


class _Hide(MetaPathFinder):
    """Says of one package that it is not installed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Stop the search for that package; None, as for one that this finder does not know, of any other."""
        if name == self._name:
            raise ModuleNotFoundError(f"{name} is hidden", name=name)


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    finder = _Hide(name)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
