"""Compiled kernels work wherever the package and the user's folder lie, and are declared in one place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from numba.core import caching

from rescalade.compiled import kernel, temporary_cache
from support.graph import REPOSITORY


def doubled(number: int) -> int:
    """Some work for a compiler."""
    return 2 * number


@pytest.fixture
def read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The temporary directory of a process for which numba finds no place of its own."""
    for locator in (caching.InTreeCacheLocator, caching.UserWideCacheLocator, caching.IPythonCacheLocator):
        monkeypatch.setattr(locator, "from_function", classmethod(lambda *_: None))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    temporary_cache.cache_clear()
    yield tmp_path
    temporary_cache.cache_clear()


def test_a_kernel_without_a_place_is_kept_for_the_user_alone(read_only: Path) -> None:
    with pytest.raises(RuntimeError, match="no locator"):  # what numba says by itself
        caching.FunctionCache(doubled)
    assert kernel()(doubled)(4) == 8
    (folder,) = read_only.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".nbi", ".nbc"}


@pytest.mark.parametrize("taken", ["file", "open to all"])
def test_a_folder_that_others_can_write_is_not_loaded_from(read_only: Path, taken: str) -> None:
    folder = temporary_cache()
    assert folder is not None
    temporary_cache.cache_clear()
    if taken == "file":
        folder.rmdir()
        folder.touch()
    else:
        folder.chmod(0o777)
    assert temporary_cache() is None
    assert kernel(nogil=True)(doubled)(4) == 8
    assert taken == "file" or not list(folder.iterdir())


def test_kernels_are_declared_by_one_function() -> None:
    """numba.njit(cache=True) by itself ends in a traceback where nothing can be written."""
    own = REPOSITORY / "workflow" / "rescalade" / "compiled.py"
    files = [*(REPOSITORY / "workflow").rglob("*.py"), *(REPOSITORY / "bench").rglob("*.py")]
    compilers = {"jit", "njit", "vectorize", "guvectorize", "cfunc", "stencil"}
    for path in files:
        if path == own:
            continue
        text = path.read_text(encoding="utf-8")
        assert "cache=True" not in text, path
        if "numba" in text:
            called = {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
            assert not called & compilers, path
