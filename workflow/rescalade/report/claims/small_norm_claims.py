"""Claims about small-norm backbones: a moderate k does not harm them."""

from __future__ import annotations

import math
from collections.abc import Callable

from rescalade.config.model import ClaimName
from rescalade.models.families import FAMILIES
from rescalade.published import load_published
from rescalade.report.claims.claim import UNSTABLE, Claim, Finding, Holds, assembled, quality, title_of, with_head
from rescalade.report.results.contrast import Reading, contrast
from rescalade.report.results.labels import mode_title, variant_title
from rescalade.report.results.numbers import written
from rescalade.report.results.paired import Domain, PerQuery
from rescalade.report.results.published_ours import own_name
from rescalade.report.results.summary import Cell, Summary

MODERATE = 4.0
"""Largest k that counts as moderate for a small-norm backbone."""
UNHARMED_SHARE = 0.05
"""A small head is unharmed where it loses less than this share of its quality at k = 1, at 95 % confidence."""
ELSEWHERE = " in this experiment; experiment k-sweep has it"


def harmless_tied(summary: Summary, queries: PerQuery) -> Claim:
    """(c) Figure 3's question, tied as in the paper."""
    return assembled(
        ClaimName.SMALL_NORM_UNHARMED,
        "Small-norm heads bear a moderate k",
        "Small-norm backbones do not need the division, and a moderate k does not harm them (Fig. 3, tied heads, no "
        "values printed; ALBERT is the paper's exception).",
        f"Is every small-norm backbone, tied, at its smallest k above 1 (up to {MODERATE:g}) less than "
        f"{100 * UNHARMED_SHARE:.0f} % below its k = 1 in {_measure(summary)}, at 95 % confidence?",
        _findings(summary, queries, lambda cell: cell.variant.mode == "tied", min),
        "The experiment has no small-norm backbone.",
    )


def harmless_exact(summary: Summary, queries: PerQuery) -> Claim:
    """(c') The same where the division leaves the encoder as it is."""
    return assembled(
        ClaimName.SMALL_NORM_UNHARMED_EXACT,
        "Small-norm heads bear a moderate k that leaves the encoder alone",
        "Not asked by the paper, whose heads are tied: where the token embedding is added to a position before a norm, "
        "as in BERT, dividing a tied head changes the encoder's input too.",
        f"Is every small-norm backbone at its largest k up to {MODERATE:g}, in a mode that leaves the encoder as it "
        "was (untied, folded or multiplier, or tied where the embedding feeds straight into a norm, as in ModernBERT), "
        f"less than {100 * UNHARMED_SHARE:.0f} % below its k = 1 in {_measure(summary)}, at 95 % confidence?",
        _findings(summary, queries, lambda cell: _exact(summary, cell), max),
        "The experiment has no small-norm backbone.",
    )


def _measure(summary: Summary) -> str:
    if summary.units:
        return f"out-of-domain quality ({summary.out_of_domain_label}, as in the figure)"
    return f"in-domain quality ({summary.in_domain_label})"


def _findings(
    summary: Summary, queries: PerQuery, fits: Callable[[Cell], bool], pick: Callable[..., Cell]
) -> list[Finding]:
    found = []
    exceptions = _exceptions(summary)
    for name in with_head(summary, "small"):
        cells = [
            cell for cell in summary.divided(name) if 1 < cell.variant.scale <= MODERATE and cell.made and fits(cell)
        ]
        cell = pick(cells, key=lambda item: (item.variant.scale, item.variant.bias)) if cells else None
        found.append(_finding(summary, queries, name, cell, name in exceptions))
    return found


def _finding(summary: Summary, queries: PerQuery, name: str, cell: Cell | None, exception: bool) -> Finding:
    title = title_of(summary, name)
    if cell is None:
        elsewhere = ELSEWHERE if summary.config.experiment.published == "rescaling" else ""
        return Finding("not run", title, "not run", f"{title}: no moderate k in such a mode{elsewhere}.")
    domain: Domain = "out-of-domain" if summary.units else "in-domain"
    pick = summary.out_of_domain if summary.units else summary.in_domain
    base = summary.baseline(cell)
    found = contrast(queries, cell, base, domain=domain) if base is not None else None
    if base is None or found is None:
        return Finding(
            "not run", title, "not scored", f"{title}: k = 1 or {variant_title(cell.variant)} was not scored."
        )
    before = base.spread(pick).mean or math.nan
    words = (
        f"{title}: {domain} {written(cell.spread(pick).mean)} at {variant_title(cell.variant)} against "
        f"{written(before)} at {variant_title(base.variant)} ({found.words()})."
    )
    details = {
        "Mode": mode_title(cell.variant),
        "At k = 1": written(before),
        "At moderate k": f"{written(cell.spread(pick).mean)} ({variant_title(cell.variant)})",
        **found.details(),
        "In-domain": f"{quality(summary, cell)} against {quality(summary, base)}",
    }
    holds, outcome = _outcome(cell, base, found.read(UNHARMED_SHARE * before))
    if exception:
        holds, outcome = "exception", f"{outcome}; the paper's exception"
    return Finding(holds, title, outcome, words, details)


def _outcome(cell: Cell, base: Cell, reading: Reading) -> tuple[Holds, str]:
    if base.collapsed:
        return "cannot be said", "k = 1 collapses"
    if cell.unstable:
        return "cannot be said", UNSTABLE
    if cell.collapsed:
        return "no", "collapses"
    outcomes: dict[Reading, tuple[Holds, str]] = {
        "better": ("yes", "improves"),
        "level": ("yes", "unharmed"),
        "worse": ("no", "harmed"),
        "undecided": ("cannot be said", "no harm shown, and none excluded"),
    }
    return outcomes[reading]


def _exceptions(summary: Summary) -> set[str | None]:
    """Backbones of which the paper itself says otherwise."""
    published = load_published("rescaling")
    return {own_name(summary, published, name) for name in published.exceptions[ClaimName.SMALL_NORM_UNHARMED]}


def _exact(summary: Summary, cell: Cell) -> bool:
    """Whether the mode changes the head alone: the encoder computes what it did before."""
    if cell.variant.mode != "tied":
        return True
    audit = summary.results.audits.get(cell.backbone)
    family = None if audit is None else FAMILIES.get(audit.model_type)
    return audit is not None and (not audit.tied or (family is not None and family.normed_embedding))
