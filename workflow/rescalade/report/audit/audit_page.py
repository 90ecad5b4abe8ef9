"""A page about audits alone: no configuration and no results, so that one can look at a head before anything else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rescalade import __version__
from rescalade.atomic import atomic_file
from rescalade.audited import Audit
from rescalade.errors import UserError
from rescalade.report.figures.audit_plot import audit_plot
from rescalade.report.figures.figure_set import save_figure
from rescalade.report.pages.template import drawn, write_page
from rescalade.report.results.advice import advice, start
from rescalade.report.results.audit_read import as_it_is, predictions
from rescalade.report.results.numbers import plural, written
from rescalade.report.tables.audit_tables import (
    Audited,
    known_outcomes,
    mode_table,
    offset_table,
    predicted_table,
    scale_table,
    tables_of_one,
)
from rescalade.report.tables.head_table import head_table

RESERVED = ("audit", "head-norms", "predicted", "scales", "modes")
"""Names of the other files in the folder."""
TEMPERATURE = 1.0
"""Of the loss of an audit on the sample text."""


def write_audit_page(audits: Sequence[Audit], folder: Path) -> None:
    """Write FOLDER/audit.html, a plot per backbone as KEY.svg and KEY.pdf, and all tables as CSV.

    The page is written last.

    Args:
        audits: KEY is `file_names` of their `backbone`.
        folder: made where it is not there.

    Raises:
        UserError: there is no audit.
    """
    if not audits:
        raise UserError("an audit page needs at least one audit, found none")
    keys = file_names([audit.backbone for audit in audits])
    backbones = [Audited(audit.backbone, _title(audit), audit, temperature=TEMPERATURE) for audit in audits]
    figures = [audit_plot(one.audit, key, one.title) for key, one in zip(keys, backbones, strict=True)]
    for figure in figures:
        save_figure(figure, folder)
    heads, predicted = head_table(backbones), predicted_table(backbones)
    for table in (heads, predicted, scale_table(backbones), mode_table(backbones), offset_table(backbones)):
        if not table.rows:
            continue  # no offset was tried
        with atomic_file(folder / f"{table.name}.csv") as temporary:
            temporary.write_text(table.to_csv(), encoding="utf-8")
    sections = [
        {
            "key": key,
            "title": one.title,
            "figure": shown,
            "tables": tables_of_one(one)[:-1],
        }
        for key, one, shown in zip(keys, backbones, drawn(figures), strict=True)
    ]
    context = {
        "texts": "; ".join(dict.fromkeys(map(_text_in_words, audits))),
        "verdicts": [_verdict(key, one.title, audit) for key, one, audit in zip(keys, backbones, audits, strict=True)],
        "heads": heads,
        "predicted": predicted,
        "backbones": sections,
        "version": __version__,
    }
    write_page(folder / "audit.html", "audit.html.j2", context)


def file_names(names: Sequence[str]) -> list[str]:
    """Names of backbones as names of files, all different: `owner/name` becomes `owner-name`."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "backbone"
        taken = {*found, *RESERVED}
        candidate, number = plain, 2
        while candidate in taken:
            candidate, number = f"{plain}-{number}", number + 1
        found.append(candidate)
    return found


def _title(audit: Audit) -> str:
    """The name, an inflated backbone called so."""
    factor = audit.inflate
    return audit.backbone if factor in (None, 1) else f"{audit.backbone} (inflated x{factor:g})"


def _verdict(key: str, title: str, audit: Audit) -> dict[str, str | list[str]]:
    """What is to be said of one backbone as it is."""
    entry = as_it_is(audit)
    count = 0 if entry is None else len(entry.warnings)
    return {
        "key": key,
        "title": title,
        "tone": "mixed" if count else "not-judged",
        "answer": "not measured" if entry is None else plural(count, "warning") if count else "no warning",
        "warnings": "the audit did not try k = 1" if entry is None else "; ".join(entry.warnings) or "none",
        "start": "not known" if entry is None else start(entry, TEMPERATURE),
        "alike": "not known" if entry is None else known_outcomes(entry, audit, TEMPERATURE),
        "advice": advice(audit, TEMPERATURE),
        "rules": ", ".join(f"{rule} {prediction.power}" for rule, prediction in predictions(audit)),
    }


def _text_in_words(audit: Audit) -> str:
    """`pydoc (32 queries and 64 documents)`."""
    text = audit.text
    return f"{text.name} ({written(text.queries, 'count')} queries and {written(text.documents, 'count')} documents)"
