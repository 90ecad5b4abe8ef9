"""A table once, written as CSV, LaTeX or HTML (the latter by the page template), and where a report shows it."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Literal, ParamSpec

from rescalade.report.results.numbers import MISSING, Spread, Style, decimals, written
from rescalade.report.tables.latex import command_safe, latex_text

if TYPE_CHECKING:
    from rescalade.report.results.summary import Summary

P = ParamSpec("P")

ABSENT = "no value: not run, not scored or not finite"


@dataclass(frozen=True)
class Value:
    """What stands in one place of a table.

    text: as shown. raw: as written to CSV, at full precision. sd_text, sd: spread over seeds.
    note: shown on hover. strong: the best of its backbone. mark: a sign or word that goes with the text.
    differs: what the value differs from significantly, by the letter that is shown; keys are written to CSV.
    """

    text: str
    raw: float | int | str | None = None
    sd_text: str = ""
    sd: float | None = None
    note: str = ""
    strong: bool = False
    mark: str = ""
    differs: Mapping[str, str] = field(default_factory=dict)

    @property
    def letters(self) -> str:
        """`k,b`: the superscript."""
        return ",".join(self.differs.values())


@dataclass(frozen=True)
class Column:
    """key: name in CSV. group: heading over several columns. sd: CSV gets a second column KEY_sd. note: on hover.

    marked: CSV gets another column, KEY_differs_from.
    wide: holds sentences, which may wrap. broad: holds several, and wraps late.
    """

    key: str
    header: str
    group: str = ""
    numeric: bool = True
    sd: bool = False
    marked: bool = False
    note: str = ""
    wide: bool = False
    broad: bool = False

    @property
    def keys(self) -> list[str]:
        """Names of its columns in CSV."""
        further = [("_sd", self.sd), ("_differs_from", self.marked)]
        return [self.key, *(self.key + ending for ending, wanted in further if wanted)]


Columns = Mapping[Column, Callable[P, Value]]
"""Columns, each with how what stands in it is taken from what a row is about."""


def values_of(columns: Columns[P], *about: P.args, **named: P.kwargs) -> dict[str, Value]:
    """What stands in a row, by the keys of the columns."""
    return {column.key: value(*about, **named) for column, value in columns.items()}


@dataclass(frozen=True)
class Row:
    """A row.

    section: heading over consecutive rows. kind: best, collapsed, warned, absent or baseline.
    key: first CSV column.
    """

    values: Mapping[str, Value]
    section: str = ""
    kind: str = ""
    key: str = ""


@dataclass(frozen=True)
class Table:
    """name: file name. caption: one or two sentences. notes: below the table."""

    name: str
    title: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    notes: Sequence[str] = ()

    def sections(self) -> list[tuple[str, list[Row]]]:
        """Consecutive rows under the same heading."""
        return [(name, list(rows)) for name, rows in groupby(self.rows, key=lambda row: row.section)]

    def groups(self) -> list[tuple[str, int]]:
        """Column headings over several columns, with how many each spans."""
        return [(name, len(list(columns))) for name, columns in groupby(self.columns, key=lambda column: column.group)]

    def to_csv(self) -> str:
        """Comma-separated, `.` as decimal point, empty where there is no value."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        sectioned = any(row.section for row in self.rows)
        header = ["backbone", "title"] if sectioned else []
        writer.writerow([*header, *(key for column in self.columns for key in column.keys)])
        for row in self.rows:
            line = [row.key, row.section] if sectioned else []
            for column in self.columns:
                value = row.values.get(column.key, Value(MISSING))
                line.append(_plain(value.raw))
                if column.sd:
                    line.append(_plain(value.sd))
                if column.marked:
                    line.append(" ".join(value.differs))
            writer.writerow(line)
        return buffer.getvalue()

    def to_latex(self) -> str:
        """A `table*` for the LaTeX package booktabs."""
        width = len(self.columns)
        lines = [
            "% needs \\usepackage{booktabs}",
            "\\begin{table*}",
            "\\centering",
            f"\\caption{{{latex_text(self.caption)}}}",
            f"\\label{{tab:{command_safe(self.name)}}}",
            f"\\begin{{tabular}}{{{''.join('r' if column.numeric else 'l' for column in self.columns)}}}",
            "\\toprule",
        ]
        groups = self.groups()
        if any(name for name, _ in groups):
            lines.append(" & ".join(_spanning(name, span) for name, span in groups) + " \\\\")
            lines += _rules(groups)
        lines.append(" & ".join(latex_text(column.header) for column in self.columns) + " \\\\")
        for name, rows in self.sections():
            lines.append("\\midrule")
            if name:
                lines.append(f"\\multicolumn{{{width}}}{{l}}{{\\textit{{{latex_text(name)}}}}} \\\\")
            for row in rows:
                cells = [_latex(row.values.get(column.key, Value(MISSING))) for column in self.columns]
                lines.append(" & ".join(cells) + " \\\\")
        lines += ["\\bottomrule", "\\end{tabular}", "\\end{table*}"]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Entry:
    """A table of an experiment's report; stands in ENTRIES of the module that makes it.

    order: among the tables of the report, smallest first. section: of the page. wanted: whether an experiment has it.
    explained: its place in front of all tables without one, where an experiment holds explanations apart.
    folded: closed on the page, with these words beside the number of its rows; others than the first are closed too,
    but for short ones with a place of `explained`.
    """

    make: Callable[[Summary], Table]
    order: int
    section: Literal["run", "results", "published", "data"] = "results"
    wanted: Callable[[Summary], bool] = lambda summary: True
    folded: str = ""
    untrained: bool = False
    """Whether an experiment that trains nothing has it too."""
    explained: int | None = None


def text(value: str | None, note: str = "", mark: str = "", strong: bool = False, raw: str | None = None) -> Value:
    """Words; an en dash for None. raw: what CSV gets instead."""
    if value is None:
        return Value(MISSING, None, note=note or ABSENT)
    return Value(value, value if raw is None else raw, note=note, mark=mark, strong=strong)


def number(value: float | None, style: Style = "measure", note: str = "") -> Value:
    """One number without spread."""
    if value is None or not math.isfinite(value):
        return Value(MISSING, None, note=note or ABSENT)
    return Value(written(value, style), value, note=note)


def spread(
    value: Spread, style: Style = "measure", strong: bool = False, differs: Mapping[str, str] | None = None
) -> Value:
    """Mean ± sd. Where some seeds gave no finite value, how many did stands beside it."""
    if value.mean is None:
        return Value(MISSING, None, note=ABSENT)
    digits = decimals(value.mean, style)
    partial = value.finite < value.total
    return Value(
        text=written(value.mean, style),
        raw=value.mean,
        sd_text="" if value.sd is None else written(value.sd, style, digits),
        sd=value.sd,
        note=f"finite in {value.finite} of {value.total} runs" if partial else "",
        strong=strong,
        mark=f"({value.finite} of {value.total})" if partial else "",
        differs=differs or {},
    )


def _plain(value: float | int | str | None) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _latex(value: Value) -> str:
    body = latex_text(value.text)
    if value.differs:
        body += f"$^{{\\mathrm{{{value.letters}}}}}$"
    if value.sd_text:
        body += f" $\\pm$ {latex_text(value.sd_text)}"
    if value.strong:
        body = f"\\textbf{{{body}}}"
    return body + (f" {latex_text(value.mark)}" if value.mark else "")


def _spanning(name: str, span: int) -> str:
    if span == 1 and not name:
        return ""
    return f"\\multicolumn{{{span}}}{{c}}{{{latex_text(name)}}}"


def _rules(groups: Sequence[tuple[str, int]]) -> list[str]:
    """Thin rules under every named group of columns."""
    rules, start = [], 1
    for name, span in groups:
        if name:
            rules.append(f"\\cmidrule(lr){{{start}-{start + span - 1}}}")
        start += span
    return rules
