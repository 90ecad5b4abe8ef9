"""A page about audits alone: no configuration and no results, so that one can look at a head before anything else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rescalade import __version__
from rescalade.atomic import atomic_file
from rescalade.errors import UserError
from rescalade.report.figures.audit_plot import audit_plot
from rescalade.report.figures.figure_set import save_figure
from rescalade.report.pages.template import drawn, write_page
from rescalade.report.results.audit_read import (
    as_it_is,
    part,
    predicted_power,
    predictions,
    risk_level,
    risk_reasons,
    words,
)
from rescalade.report.results.numbers import as_float, listed, written
from rescalade.report.tables.audit_tables import Audited, mode_table, predicted_table, scale_table
from rescalade.report.tables.head_table import head_table
from rescalade.report.tables.table import Table

TONES: Mapping[str, str] = {"low": "holds", "raised": "mixed", "high": "does-not-hold"}
"""Classes of the style sheet; the level stands in words beside them."""
RESERVED = ("audit", "head-norms", "predicted", "scales", "modes")
"""Names of the other files in the folder."""


def write_audit_page(audits: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Write FOLDER/audit.html, a plot per backbone as KEY.svg and KEY.pdf, and all tables as CSV.

    The page is written last. Fields that an audit lacks are shown as missing.

    Args:
        audits: JSON of audits; KEY is `file_names` of their `backbone`.
        folder: made where it is not there.

    Raises:
        UserError: there is no audit.
    """
    if not audits:
        raise UserError("an audit page needs at least one audit, found none")
    names = [words(audit, "backbone") or "unnamed" for audit in audits]
    keys = file_names(names)
    backbones = [Audited(name, _title(name, audit), audit) for name, audit in zip(names, audits, strict=True)]
    figures = [audit_plot(one.audit, key, one.title) for key, one in zip(keys, backbones, strict=True)]
    for figure in figures:
        save_figure(figure, folder)
    heads, predicted = head_table(backbones), predicted_table(backbones)
    for table in (heads, predicted, scale_table(backbones), mode_table(backbones)):
        _write_csv(table, folder / f"{table.name}.csv")
    sections = [
        {
            "key": key,
            "title": one.title,
            "figure": shown,
            "tables": [scale_table([one], sections=False), mode_table([one], sections=False)],
        }
        for key, one, shown in zip(keys, backbones, drawn(figures), strict=True)
    ]
    context = {
        "texts": "; ".join(dict.fromkeys(filter(None, map(_text_in_words, audits)))),
        "verdicts": [_verdict(key, one) for key, one in zip(keys, backbones, strict=True)],
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


def _title(name: str, audit: Mapping[str, Any]) -> str:
    """The name, an inflated backbone called so."""
    factor = as_float(audit.get("inflate"))
    return f"{name} (inflated x{factor:g})" if factor > 0 and factor != 1 else name


def _verdict(key: str, one: Audited) -> dict[str, str]:
    """The answer in words for one backbone."""
    entry = as_it_is(one.audit)
    level = risk_level(entry)
    rules = []
    for rule, prediction in predictions(one.audit):
        power = predicted_power(prediction)
        rules.append(f"{rule} {power:g}" if power > 0 else f"{rule} none")
    unjudged = "the audit did not judge k = 1" if level is None else "no rule of risk is broken"
    return {
        "key": key,
        "title": one.title,
        "level": level or "not judged",
        "tone": TONES.get(level or "", "not-judged"),
        "reasons": "; ".join(risk_reasons(entry)) or unjudged,
        "rules": ", ".join(rules) or "the audit predicts no k",
    }


def _text_in_words(audit: Mapping[str, Any]) -> str:
    """`pydoc (32 queries, 64 documents)`."""
    about = part(audit, "text")
    counts = [
        f"{written(as_float(about.get(key)), 'count')} {key}"
        for key in ("queries", "documents")
        if as_float(about.get(key)) > 0
    ]
    name = words(about, "name")
    return f"{name or 'unnamed text'} ({listed(counts)})" if counts else name or ""


def _write_csv(table: Table, target: Path) -> None:
    with atomic_file(target) as temporary:
        temporary.write_text(table.to_csv(), encoding="utf-8")
