"""Docstrings of the public functions and classes of one file, read with `ast`."""

from __future__ import annotations

import ast
import gc
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Docstring:
    """A docstring as written, and the qualified name of what it documents."""

    name: str
    text: str


def read_docstrings(source: bytes, module: str) -> list[Docstring] | None:
    """Docstrings of public functions, classes and methods, in the order of the file.

    A name is public when no part of it inside the file begins with an underscore. The module's own name does not
    matter: SciPy and scikit-learn define much of their public interface in modules such as `_minimize`.

    Args:
        source: The file, undecoded, so that its encoding declaration counts.
        module: Name of the module, the first part of every qualified name.

    Returns:
        The docstrings, or None when the file is not valid Python in a known encoding.
    """
    # Parsing is nearly all of the cost, and these cheap tests spare a good part of it.
    if b"def " not in source and b"class " not in source:
        return []
    if b'"""' not in source and b"'''" not in source:
        return []
    try:
        with _collector_paused(), warnings.catch_warnings():
            # Invalid escapes in other people's docstrings are no news for the user of this pipeline.
            warnings.simplefilter("ignore")
            return list(_public(ast.parse(source).body, module))
    except (SyntaxError, ValueError, RecursionError):
        return None


@contextmanager
def _collector_paused() -> Iterator[None]:
    """No cyclic garbage collection for a moment.

    A syntax tree has many nodes and no cycles. The collector finds nothing in it, and looking takes a third of the
    time of reading a large package.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _public(body: Sequence[ast.stmt], prefix: str) -> Iterator[Docstring]:
    for node in body:
        if isinstance(node, _DEFINITIONS):
            if node.name.startswith("_"):
                continue
            name = f"{prefix}.{node.name}"
            text = ast.get_docstring(node, clean=False)
            if text:
                yield Docstring(name, text)
            if isinstance(node, ast.ClassDef):
                yield from _public(node.body, name)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            # Definitions for one platform or one optional dependency are still the interface.
            yield from _public(node.body, prefix)
            yield from _public(getattr(node, "orelse", []), prefix)
            for handler in getattr(node, "handlers", []):
                yield from _public(handler.body, prefix)
