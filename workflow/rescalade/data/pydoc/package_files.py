"""Where the source files of an installed package are, found without importing it."""

from __future__ import annotations

import importlib.util
import platform
import re
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rescalade.errors import UserError

STDLIB = "stdlib"

# Tests, copies of other projects, generated tables and demonstrations: no documentation of the package itself.
_SKIPPED_DIRECTORY = re.compile(
    r"__pycache__|tests?|testing|_testing|test_utils|site-packages|dist-packages|idlelib|lib2to3|turtledemo|ensurepip|"
    r"pydoc_data|distutils|_?vendor(?:ed)?|vendored_templates|externs?|externals|third_party|array_api_(?:compat|extra)"
)


@dataclass(frozen=True)
class Package:
    """An installed package.

    Attributes:
        name: Top-level import name, or `stdlib`.
        version: Version of its distribution, or `unknown`.
        roots: Directories (or the single file) that hold it.
    """

    name: str
    version: str
    roots: tuple[Path, ...]


def find_package(name: str, distributions: Mapping[str, list[str]]) -> Package:
    """Locate one package.

    Args:
        name: Top-level import name, or `stdlib`.
        distributions: Distributions by import name, as `importlib.metadata.packages_distributions` gives them.

    Raises:
        UserError: The package is not installed, or has no Python source.
    """
    if name == STDLIB:
        return Package(name, platform.python_version(), (Path(sysconfig.get_paths()["stdlib"]),))
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    if spec is None:
        raise UserError(
            f"pydoc: expected an installed package under the import name {name!r}, found none. Install it (pip install "
            f"'rescalade[mini]' brings all that the shipped experiment reads; else pip install {name}, or what its "
            "distribution is called) or take it out of the list of packages."
        )
    owners = distributions.get(name, [])
    version = metadata.version(min(owners)) if owners else "unknown"
    if spec.submodule_search_locations is not None:
        roots = tuple(sorted(Path(location) for location in spec.submodule_search_locations))
    elif spec.origin is not None and spec.origin.endswith(".py"):
        roots = (Path(spec.origin),)
    else:
        raise UserError(
            f"pydoc: expected Python source for the package {name!r}, found a compiled module ({spec.origin}). "
            f"Take it out of the list of packages."
        )
    return Package(name, version, roots)


def source_files(package: Package) -> Iterator[tuple[str, Path]]:
    """Every source file of a package with the name of its module, in the order of the module's path.

    The order is the same on every file system. Directories of tests and of vendored copies are left out.
    """
    for root in package.roots:
        if root.is_file():
            yield package.name, root
            continue
        found = sorted((path.relative_to(root).parts, path) for path in _walk(root))
        for parts, path in found:
            module = [*parts[:-1], path.stem] if path.stem != "__init__" else list(parts[:-1])
            prefix = [] if package.name == STDLIB else [package.name]
            yield ".".join(prefix + module), path


def _walk(directory: Path) -> Iterator[Path]:
    for path in directory.iterdir():
        if path.is_dir():
            # A name with a dot or hyphen cannot be imported: metadata, or configuration of the interpreter's build.
            if path.name.isidentifier() and not _SKIPPED_DIRECTORY.fullmatch(path.name):
                yield from _walk(path)
        elif path.suffix == ".py" and path.stem.isidentifier() and not _is_test(path.stem):
            yield path


def _is_test(stem: str) -> bool:
    return stem.startswith("test_") or stem.endswith("_test") or stem == "conftest"
