"""Compares two `results/` (or `report/`) folders: did a change of the code change what the pipeline makes?

    python tools/compare_results.py OLD/results NEW/results
    python tools/compare_results.py OLD/report NEW/report --only 'mini/*' --allow '*/tables/data.csv: *licence*'

Models and tokenizers must agree byte by byte; columns of vectors, data and histories value by value, NaN to NaN;
rankings line by line without the run's name; numbers in scores, outcomes, audits and tables exactly. What may differ
is named below, `SKIPPED` files and `FREE` keys, or allowed by a pattern of the lines printed. Exit status 1 where
anything else differs, 2 where a folder is none.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

SKIPPED = {
    "records: code, times, machine": ("record.json", "*.record.json", "*/record.json"),
    "logs and marks": ("logs/*", "*.snakemake_timestamp", "*.log", "*.lock"),
    "unfinished work and snapshots": (".*",),
    "caches": ("tokens/*", "index/*", "*/index/*"),
    "pages, which show times and digests": ("*.html", "*.pdf"),
}
FREE = frozenset({
    "code", "inputs", "made", "packages", "peak_memory_bytes", "queries_per_second", "schema_version", "seconds",
    "settings", "sha256", "versions",
})  # fmt: skip
"""Keys of JSON files and columns of tables that may differ, with all below them (sha256: of files with such keys)."""

Differences = Iterator[str]


def of_bytes(old: Path, new: Path) -> Differences:
    """The place of the first byte that differs."""
    one, other = old.read_bytes(), new.read_bytes()
    if one != other:
        place = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
        yield f"bytes differ from {place:,} on, {len(one):,} and {len(other):,} bytes"


def of_json(old: Path, new: Path) -> Differences:
    """Every leaf that differs or is on one side alone; a value that moved to another key of its name is none."""
    one, other = (dict(_leaves(json.loads(path.read_text(encoding="utf-8")))) for path in (old, new))
    for key in [key for key in one if key not in other]:
        last = key.split(".")[-1]
        moved = [new for new in other if new not in one and new.split(".")[-1] == last and other[new] == one[key]]
        if moved:
            del one[key], other[moved[0]]
    for key in sorted(one.keys() | other.keys()):
        a, b = one.get(key, "nothing"), other.get(key, "nothing")
        if a != b and not (a != a and b != b):  # NaN is unlike itself
            yield f"{key}: {a!r} and {b!r}"


def of_columns(old: Path, new: Path) -> Differences:
    """Columns of a Parquet file, whatever its pages and its metadata are."""
    one, other = (pq.read_table(path) for path in (old, new))
    if one.num_rows != other.num_rows:
        yield f"{one.num_rows:,} and {other.num_rows:,} rows"
        return
    for name in dict.fromkeys([*one.column_names, *other.column_names]):
        if name in FREE:
            continue
        if not (name in one.column_names and name in other.column_names):
            yield f"column {name}: only in {'the old' if name in one.column_names else 'the new'} one"
        elif one[name].type != other[name].type:
            yield f"column {name}: {one[name].type} and {other[name].type}"
        elif not one[name].equals(other[name]):
            # NaN is unlike itself, and a list of lists has no comparison by row in Arrow
            pairs = zip(one[name].to_pylist(), other[name].to_pylist(), strict=True)
            unlike = [(row, a, b) for row, (a, b) in enumerate(pairs) if a != b and not (a != a and b != b)]
            if unlike:
                row, a, b = unlike[0]
                yield f"column {name}: {len(unlike):,} rows, the first is {row}: {_short(a)} and {_short(b)}"


def of_ranking(old: Path, new: Path) -> Differences:
    """Lines of a TREC run file; the last column is the run's name."""
    with gzip.open(old, "rt", encoding="utf-8") as one, gzip.open(new, "rt", encoding="utf-8") as other:
        for number, (a, b) in enumerate(zip_longest(one, other, fillvalue=""), 1):
            if a.split()[:-1] != b.split()[:-1]:
                yield f"line {number}: {a.strip() or 'nothing'} and {b.strip() or 'nothing'}"
                return


def of_table(old: Path, new: Path) -> Differences:
    """Cells of a CSV file."""
    one, other = (list(csv.DictReader(path.open(encoding="utf-8", newline=""))) for path in (old, new))
    if len(one) != len(other):
        yield f"{len(one)} and {len(other)} rows"
    for number, (a, b) in enumerate(zip(one, other, strict=False), 1):
        for name in dict.fromkeys([*a, *b]):
            if name not in FREE and a.get(name) != b.get(name):
                yield f"row {number}, column {name}: {a.get(name, 'nothing')} and {b.get(name, 'nothing')}"


KINDS: dict[str, tuple[tuple[str, ...], Callable[[Path, Path], Differences]]] = {
    "weights": (("*.safetensors",), of_bytes),
    "rankings": (("*.trec.gz",), of_ranking),
    "vectors": (("*/vectors/*.parquet",), of_columns),
    "scores": (("*/scores/*.json", "*/retrieved/*.json"), of_json),
    "scores by query": (("*.per-query.parquet",), of_columns),
    "outcomes": (("*outcome.json",), of_json),
    "histories": (("*history.parquet",), of_columns),
    "audits": (("audit/*.json",), of_json),
    "manifests": (("*manifest.json", "*triples*.json", "*rescale.json"), of_json),
    "data": (("*.parquet",), of_columns),
    "tables": (("*.csv",), of_table),
    "model files": (("*/model/*", "backbones/*", "rescaled/*"), of_bytes),
    "others": (("*",), of_bytes),
}
"""Patterns and comparison of each kind of file; the first kind that fits counts."""


@dataclass
class Comparison:
    """Counts of one kind of file, and what differs in words."""

    counts: Counter[str]
    found: list[str]


def compare(old: Path, new: Path, only: str = "*", allowed: Sequence[str] = ()) -> dict[str, Comparison]:
    """Compare all files below two folders.

    Args:
        old, new: the folders.
        only: pattern of the paths to look at.
        allowed: patterns of differences, `FILE: WHAT`, that are none.
    """

    def found_in(lines: Iterable[str]) -> list[str]:
        return [line for line in lines if not any(fnmatch(line, pattern) for pattern in allowed)]

    sides = [
        {name for path in folder.rglob("*") if path.is_file() and fnmatch(name := str(path.relative_to(folder)), only)}
        for folder in (old, new)
    ]
    result: dict[str, Comparison] = defaultdict(lambda: Comparison(Counter(), []))
    for name in sorted(sides[0] | sides[1]):
        if any(fnmatch(name, pattern) for patterns in SKIPPED.values() for pattern in patterns):
            continue
        kind, how = next(
            (kind, how) for kind, (patterns, how) in KINDS.items() if any(fnmatch(name, p) for p in patterns)
        )
        one = result[kind]
        if name not in sides[0] or name not in sides[1]:
            side = "old" if name in sides[0] else "new"
            one.counts[f"only {side}"] += 1
            one.found += found_in([f"{name}: only in the {side} folder"])
            continue
        differences = found_in(f"{name}: {difference}" for difference in how(old / name, new / name))
        one.counts["compared"] += 1
        one.counts["different" if differences else "equal"] += 1
        one.found += differences
    return result


def main(arguments: list[str] | None = None) -> int:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--only", default="*", help="pattern of paths below the folders; * crosses slashes")
    parser.add_argument("--show", type=int, default=5, help="differences to print per kind")
    parser.add_argument("--allow", action="append", default=[], help="pattern of printed differences that are none")
    given = parser.parse_args(arguments)
    for folder in (given.old, given.new):
        if not folder.is_dir():
            print(f"{folder} is no folder", file=sys.stderr)
            return 2
    result = compare(given.old, given.new, given.only, [f"*{pattern}" for pattern in given.allow])
    columns = ("compared", "equal", "different", "only old", "only new")
    print(f"{'kind':16}" + "".join(f"{name:>11}" for name in columns))
    for kind in filter(result.__contains__, KINDS):
        print(f"{kind:16}" + "".join(f"{result[kind].counts[name]:>11,}" for name in columns))
    print(f"not compared: {'; '.join(SKIPPED)}; keys {', '.join(sorted(FREE))}")
    for kind in filter(result.__contains__, KINDS):
        found = result[kind].found
        for words in found[: given.show]:
            print(f"{kind}: {words}")
        if len(found) > given.show:
            print(f"{kind}: and {len(found) - given.show:,} more")
    if not result:
        print("nothing to compare", file=sys.stderr)
        return 2
    return 1 if any(one.found for one in result.values()) else 0


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Values by their path; an empty list or mapping is a value."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            if name not in FREE:
                yield from _leaves(inner, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{key}[{number}]")
    else:
        yield key, value


def _short(value: Any) -> str:
    words = repr(value)
    return words if len(words) < 60 else words[:57] + "..."


if __name__ == "__main__":
    sys.exit(main())
