"""Reading: which names are public, which files count, and what cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from rescalade.data.pydoc.docstrings import read_docstrings
from rescalade.data.pydoc.package_files import Package, find_package, source_files
from rescalade.errors import UserError

SOURCE = b'''
"""The module itself is no pair."""
import sys

def plain():
    """Plain."""
    def inner():
        """Inside a function: not public."""

def _private():
    """Private."""

class Shape:
    """Shape."""
    def area(self):
        """Area."""
    def __len__(self):
        """Special."""
    class Corner:
        """Corner."""

class _Hidden:
    """Hidden."""
    def seen(self):
        """Not seen from outside."""

if sys.platform == "win32":
    def here():
        """Windows."""
else:
    async def there():
        """Elsewhere."""

try:
    import fast
except ImportError:
    def slow():
        """Slow."""
'''


def test_public_names_in_the_order_of_the_file() -> None:
    found = read_docstrings(SOURCE, "pack.mod")
    assert found is not None
    assert [(item.name, item.text) for item in found] == [
        ("pack.mod.plain", "Plain."),
        ("pack.mod.Shape", "Shape."),
        ("pack.mod.Shape.area", "Area."),
        ("pack.mod.Shape.Corner", "Corner."),
        ("pack.mod.here", "Windows."),
        ("pack.mod.there", "Elsewhere."),
        ("pack.mod.slow", "Slow."),
    ]


def test_nothing_is_run() -> None:
    found = read_docstrings(b'raise SystemExit\ndef f():\n    """F."""\n', "m")
    assert found is not None
    assert [item.name for item in found] == ["m.f"]


@pytest.mark.parametrize(
    "source",
    [
        b'def f(:\n    """Bad."""\n',
        b'def f():\n    """caf\xe9, which is Latin-1 and not UTF-8."""\n',
        b'# -*- coding: no-such-codec -*-\ndef f():\n    """Good."""\n',
        b'def f():\n    """Null \x00 byte."""\n',
    ],
)
def test_what_python_cannot_read_gives_none(source: bytes) -> None:
    assert read_docstrings(source, "m") is None


def test_encoding_declaration_is_obeyed() -> None:
    found = read_docstrings(b'# -*- coding: latin-1 -*-\ndef f():\n    """caf\xe9"""\n', "m")
    assert found is not None
    assert found[0].text == "caf\u00e9"


def test_invalid_escape_gives_no_warning(recwarn: pytest.WarningsRecorder) -> None:
    assert read_docstrings(b'def f():\n    """A \\d escape."""\n', "m")
    assert not recwarn.list


def test_files_in_order_without_tests_and_vendored_copies(tmp_path: Path) -> None:
    files = (
        "b.py a/__init__.py a/z.py __init__.py a.py tests/t.py a/test_x.py a/_vendor/v.py a/conftest.py a-b/c.py n.txt"
    )
    for name in files.split():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = source_files(Package("p", "1", (tmp_path,)))
    assert [(module, path.relative_to(tmp_path).as_posix()) for module, path in found] == [
        ("p", "__init__.py"),
        ("p.a", "a/__init__.py"),
        ("p.a.z", "a/z.py"),
        ("p.a", "a.py"),
        ("p.b", "b.py"),
    ]


def test_unknown_package_is_named_with_the_remedy() -> None:
    with pytest.raises(UserError, match=r"'no_such_package'.*rescalade\[mini\].*pip install no_such_package"):
        find_package("no_such_package", {})


def test_compiled_module_has_no_source() -> None:
    with pytest.raises(UserError, match=r"'_thread'.*built-in"):
        find_package("_thread", {})


def test_standard_library_has_the_version_of_python() -> None:
    package = find_package("stdlib", {})
    assert package.version.count(".") == 2
    assert (package.roots[0] / "json" / "decoder.py").is_file()
