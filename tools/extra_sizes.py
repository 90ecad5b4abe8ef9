"""What the package and each of its extras bring: packages and MB on disk, of what is installed here.

python tools/extra_sizes.py
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def brought(requirements: Iterable[str]) -> set[str]:
    """Names of the packages that pip installs for requirements, those included, as far as they are installed here.

    Extras of this package are followed by pyproject.toml, all others by the metadata of what is installed.
    """
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        for extra in ("", *wanted.extras):
            if (name, extra) in found or (wanted.marker is not None and not wanted.marker.evaluate({"extra": extra})):
                continue
            found.add((name, extra))
            if name == PROJECT["name"]:
                waiting += map(Requirement, PROJECT["optional-dependencies"].get(extra, PROJECT["dependencies"]))
                continue
            try:
                texts = metadata.requires(name) or []
            except metadata.PackageNotFoundError:
                found.remove((name, extra))
                break
            for text in texts:
                each = Requirement(text)
                if each.marker is None or each.marker.evaluate({"extra": extra}):
                    each.marker = None
                    waiting.append(each)
    return {name for name, _ in found} - {PROJECT["name"]}


def megabytes(names: Iterable[str]) -> float:
    """Size of the files of packages, without bytecode."""
    files = [Path(str(file.locate())) for name in names for file in metadata.files(name) or []]
    return sum(path.stat().st_size for path in files if path.suffix != ".pyc" and path.is_file()) / 1e6


def main() -> None:
    """Print a line for the package itself, and for each extra what it adds to it."""
    core = brought(PROJECT["dependencies"])
    print(f"{'':12} packages       MB")
    print(f"{'(none)':12} {len(core):8} {megabytes(core):8,.0f}   of which torch {megabytes(['torch']):,.0f}")
    for extra in PROJECT["optional-dependencies"]:
        if extra != "test":
            added = brought([f"{PROJECT['name']}[{extra}]"]) - core
            own = {canonicalize_name(Requirement(text).name) for text in PROJECT["optional-dependencies"][extra]}
            absent = own - added - core - {PROJECT["name"]}
            missing = f"   without {', '.join(sorted(absent))}, not installed here" if absent else ""
            print(f"+ {extra:10} {len(added):8} {megabytes(added):8,.0f}{missing}")


if __name__ == "__main__":
    main()
