"""Controls: what the norm does by itself, and what the offset of the logits does at the same norm."""

from __future__ import annotations

from rescalade.config.model import ClaimName
from rescalade.report.claims.claim import UNDECIDED, UNSTABLE, Claim, Finding, Holds, assembled, quality, title_of
from rescalade.report.results.contrast import LEVEL, contrast
from rescalade.report.results.numbers import written
from rescalade.report.results.paired import PerQuery
from rescalade.report.results.summary import Cell, Summary
from rescalade.report.tables.row_norms import audited_norm
from rescalade.report.tables.verdicts import verdict_value


def norm_alone(summary: Summary, queries: PerQuery) -> Claim:
    """(f) A larger norm with the offset in proportion does harm."""
    return assembled(
        ClaimName.NORM_ALONE,
        "A larger norm does harm with the offset in proportion",
        "Not asked by the paper, whose explanation it tests: there the large norm itself makes training fail.",
        "Does a head whose W and b are scaled up alike, all else as it was, collapse at k = 1, or end below the head "
        f"it comes from at p < {LEVEL:g}, in-domain ({summary.in_domain_label})?",
        [_norm(summary, queries, name) for name in _controls(summary, "norm")],
        "The experiment has no such control.",
    )


def offset_alone(summary: Summary, queries: PerQuery) -> Claim:
    """(g) At one norm, the offset of the logits decides between training and collapse."""
    return assembled(
        ClaimName.OFFSET_ALONE,
        "At the same norm the offset of the logits decides",
        "Not asked by the paper: of two heads with the same W, does one train and the other collapse by b alone?",
        "Of a head and the same head with its bias shifted, both at k = 1, does exactly one collapse?",
        [_offset(summary, queries, name) for name in _controls(summary, "offset")],
        "The experiment has no such control.",
    )


def _controls(summary: Summary, kind: str) -> list[str]:
    return [name for name in summary.config.backbones() if summary.config.backbone(name).control == kind]


def _pair(summary: Summary, name: str) -> tuple[Cell, Cell] | None:
    """A control and its origin at k = 1; None where either was not run."""
    cells = [summary.cell(key, 1.0) for key in (name, summary.config.backbone(name).of or "")]
    made = [cell for cell in cells if cell is not None and cell.made]
    return (made[0], made[1]) if len(made) == 2 else None


def _norm(summary: Summary, queries: PerQuery, name: str) -> Finding:
    pair = _pair(summary, name)
    if pair is None:
        return _not_run(summary, name)
    ours, origin = pair
    found = contrast(queries, ours, origin)
    holds: Holds = "cannot be said"
    outcome = UNDECIDED
    if ours.unstable or origin.collapsed or origin.unstable:
        outcome = "unstable, or its origin fails too"
    elif ours.collapsed:
        holds, outcome = "yes", "collapses"
    elif found is not None and found.shown():
        holds, outcome = ("yes", "trains, and ends below") if found.shown() < 0 else ("no", "trains, and ends above")
    return _finding(summary, ours, origin, holds, outcome, "" if found is None else f" ({found.words()})")


def _offset(summary: Summary, queries: PerQuery, name: str) -> Finding:
    pair = _pair(summary, name)
    if pair is None:
        return _not_run(summary, name)
    ours, origin = pair
    if ours.unstable or origin.unstable:
        return _finding(summary, ours, origin, "cannot be said", UNSTABLE)
    if ours.collapsed == origin.collapsed:
        both = "both collapse" if ours.collapsed else "both train"
        return _finding(summary, ours, origin, "no", both)
    who = "the shifted one" if ours.collapsed else "the one as it was"
    return _finding(summary, ours, origin, "yes", f"{who} collapses, the other trains")


def _not_run(summary: Summary, name: str) -> Finding:
    title = title_of(summary, name)
    return Finding("not run", title, "not run", f"{title}: it or its origin was not run at k = 1.")


def _finding(summary: Summary, ours: Cell, origin: Cell, holds: Holds, outcome: str, words: str = "") -> Finding:
    title, other = (title_of(summary, cell.backbone) for cell in (ours, origin))
    norms = [written(audited_norm(summary, cell.backbone), "norm") for cell in (ours, origin)]
    verdicts = [verdict_value(cell).text for cell in (ours, origin)]
    return Finding(
        holds,
        title,
        outcome,
        f"{title}: {quality(summary, ours)} ({verdicts[0]}), row norm {norms[0]}; {other}: {quality(summary, origin)} "
        f"({verdicts[1]}), row norm {norms[1]}{words}.",
        {
            "Row norm": norms[0],
            "At k = 1": f"{quality(summary, ours)} ({verdicts[0]})",
            "Its origin": other,
            "Row norm of it": norms[1],
            "Of it at k = 1": f"{quality(summary, origin)} ({verdicts[1]})",
        },
    )
