"""Numbers of a page in Markdown, each held to a row of a table kept beside it.

A number is followed by a comment that says where it is from:

    `.57<!--main backbone=bert-heavy variant=k2: in_domain-->` the value of the one row that fits
    `34<!--explanations explanation=norm: right+wrong-->`       the sum of some of its columns
    `12<!--count expectations outcome=fails-->`                 how many rows fit
    `294<!--sum step0-states: trained+failed-->`                the sum over all rows that fit

A value is equal where it rounds to the digits that the page shows; before ` %` it counts as a share. `=` compares whole
cells, `~` asks for a part of one, `>` and `<` compare numbers; `_` in a value stands for a space.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

NUMBER = re.compile(
    r"(?<![\w.,/-])(?P<shown>[−-]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+))(?![\w/])"
    r"(?:<!--(?P<held>.*?)-->)?(?P<share>\s?%)?"
)
SAID_ELSEWHERE = re.compile(
    r"```.*?```|`[^`]*`|\]\([^)]*\)|https?://\S+|arXiv \d{4}\.\d{5}|^#[^\n]*|^\d+\. |\b95 %|"
    r"\d+x\d+|MRR@10|nDCG@10|ln\(\d+\)|\b[kc] = [\d.]+(?:,? (?:and|to|or) [\d.]+)?",
    re.DOTALL | re.MULTILINE,
)
"""What holds no measured number: code, links, names of papers, headings, numbers of a list, k itself, measures."""


class Held(NamedTuple):
    """A number as the page shows it. source: what its comment says, None without one."""

    shown: str
    source: str | None
    share: bool
    line: int


def numbers_of(page: str) -> Iterator[Held]:
    """Every number of a page that is a measured one, with where it says that it is from."""
    blanked = SAID_ELSEWHERE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), _without(page))
    for found in NUMBER.finditer(blanked):
        source = None if found["held"] is None else page[slice(*found.span("held"))]
        line = blanked.count("\n", 0, found.start()) + 1
        yield Held(found["shown"], source, found["share"] is not None, line)


def _without(page: str) -> str:
    """Comments keep their length, and nothing in them looks like anything else."""
    return re.sub(r"<!--(.*?)-->", lambda found: f"<!--{'x' * len(found[1])}-->", page, flags=re.DOTALL)


def fault_of(held: Held, folder: Path) -> str | None:
    """What is wrong with a number; None where its table says the same."""
    if held.source is None:
        return f"line {held.line}: {held.shown} says not where it is from"
    try:
        value = _value(held.source, folder)
    except (ValueError, KeyError, OSError) as error:
        return f"line {held.line}: {held.shown}: {error}"
    digits = len(held.shown.partition(".")[2])
    shown = float(held.shown.replace("−", "-").replace(",", ""))
    value = value * 100 if held.share else value
    if abs(shown - value) > 0.5 * 10.0**-digits + 1e-9:
        return f"line {held.line}: {held.shown}, and the table says {value:.6g} ({held.source})"
    return None


def _value(source: str, folder: Path) -> float:
    if source.startswith("count "):
        _, table, *filters = source.split()
        return float(len(_rows(folder / f"{table}.csv", filters)))
    where, _, columns = source.rpartition(": ")
    table, *filters = where.removeprefix("sum ").split()
    found = _rows(folder / f"{table}.csv", filters)
    if len(found) != 1 and not where.startswith("sum "):
        raise ValueError(f"{len(found)} rows of {table} fit {' '.join(filters)!r}, one is expected")
    return sum(float(row[column]) for row in found for column in columns.split("+"))


def _rows(path: Path, filters: list[str]) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for one in filters:
        key, sign, wanted = re.split(r"([=~<>])", one, maxsplit=1)
        if rows and key not in rows[0]:
            raise KeyError(f"{path.name} has no column {key}")
        rows = [row for row in rows if _fits(row[key].replace("_", " "), sign, wanted.replace("_", " "))]
    return rows


def _fits(found: str, sign: str, wanted: str) -> bool:
    if sign in "<>":
        return bool(found) and (float(found) - float(wanted)) * (1 if sign == ">" else -1) > 0
    return found == wanted if sign == "=" else wanted in found
