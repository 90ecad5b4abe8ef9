"""What is done to a causal backbone before training: adaptation, reading, offset.

Each claim rests on pairs of cells that differ in one of them and in nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from rescalade.config.model import ClaimName
from rescalade.report.claims.claim import UNDECIDED, UNSTABLE, Claim, Finding, Holds, assembled, quality, title_of
from rescalade.report.claims.index_claims import small_index
from rescalade.report.claims.lambda_claims import beats_lambda
from rescalade.report.results.contrast import LEVEL, contrast
from rescalade.report.results.labels import variant_title
from rescalade.report.results.paired import PerQuery
from rescalade.report.results.summary import Cell, Summary
from rescalade.report.tables.tradeoff_table import tradeoff_points
from rescalade.report.tables.verdicts import verdict_value
from rescalade.variants import Reading, Variant

BOTH_COLLAPSE = "both collapse"
CSPLADE = "CSPLADE (arXiv 2504.10816)"
LEVEL_SHARE = 0.05
"""As good as adaptation: less than this share below it, at 95 % confidence."""


def preparation_claims(summary: Summary, queries: PerQuery) -> list[Claim]:
    """All of them, where a variant of the experiment does more than divide a head; else none."""
    if not any(cell.variant.prepared for cell in summary.cells):
        return []
    return [
        _unadapted(summary),
        _adapted(summary, queries),
        _read(summary, queries, "echo", ClaimName.ECHO_BEATS_CAUSAL, "Echo improves on one-way attention"),
        _read(summary, queries, "bidirectional", ClaimName.BI_BEATS_CAUSAL, "Two-way attention improves on one-way"),
        _offset(summary, queries),
        _in_place(summary, queries),
        *([beats_lambda(summary, queries)] if tradeoff_points(summary) else []),
        small_index(summary, _prepared(summary)),
    ]


def _unadapted(summary: Summary) -> Claim:
    return assembled(
        ClaimName.UNADAPTED_DIES,
        "A causal model trained without adaptation dies",
        f"Contrastive training of a causal language model starts in dying ReLU units ({CSPLADE}).",
        "Do runs of a causal backbone collapse that begin without adaptation and without an offset, at k = 1?",
        [
            _fate(summary, cell)
            for cell in _prepared(summary)
            if cell.variant.scale == 1 and replace(cell.variant, reading="causal").plain
        ],
        "No causal backbone was run without adaptation and offset at k = 1.",
    )


def _fate(summary: Summary, cell: Cell) -> Finding:
    title, verdict = _title(summary, cell), verdict_value(cell).text
    words = f"{title}: {quality(summary, cell)} ({verdict})."
    details = {"Quality": quality(summary, cell), "Verdict": verdict}
    if cell.unstable:
        return Finding("cannot be said", title, UNSTABLE, words, details)
    return Finding("yes" if cell.collapsed else "no", title, verdict, words, details)


def _adapted(summary: Summary, queries: PerQuery) -> Claim:
    return assembled(
        ClaimName.ADAPTATION_PREVENTS,
        "Adaptation prevents the collapse",
        f"A light phase of training on plain text keeps contrastive training from dying ({CSPLADE}).",
        "Of two cells that differ in the adaptation phase alone, does the one without collapse and the other train?",
        [
            _prevented(summary, queries, ours, theirs)
            for ours, theirs in _pairs(summary, lambda v: replace(v, adapted=False) if v.adapted else None)
        ],
        "No variant was run both with and without adaptation.",
    )


def _prevented(summary: Summary, queries: PerQuery, ours: Cell, theirs: Cell) -> Finding:
    if ours.unstable or theirs.unstable:
        return _finding(summary, queries, ours, theirs, "cannot be said", UNSTABLE)
    if theirs.collapsed:
        prevented = not ours.collapsed
        outcome = "collapses without it, trains with it" if prevented else BOTH_COLLAPSE
        return _finding(summary, queries, ours, theirs, "yes" if prevented else "no", outcome)
    if ours.collapsed:
        return _finding(summary, queries, ours, theirs, "no", "trains without it, collapses with it")
    return _finding(summary, queries, ours, theirs, "cannot be said", "nothing to prevent: trains without it too")


def _read(summary: Summary, queries: PerQuery, reading: Reading, name: ClaimName, title: str) -> Claim:
    text = {
        "echo": "Writing the text twice and pooling the second copy raises MRR@10 from .382 to .388 at 1B",
        "bidirectional": "Taking the causal mask away raises MRR@10 from .382 to .404 at 1B",
    }

    def other(variant: Variant) -> Variant | None:
        return replace(variant, reading="causal") if variant.reading == reading else None

    return assembled(
        name,
        title,
        f"{text[reading]} ({CSPLADE}, main table).",
        "Of two cells that differ in the reading alone and do not both collapse, is "
        f"{reading} better than causal at p < {LEVEL:g}, in-domain ({summary.in_domain_label})?",
        _some_trained([_better(summary, queries, ours, theirs) for ours, theirs in _pairs(summary, other)]),
        f"No variant was run both causal and {reading}.",
    )


def _some_trained(findings: list[Finding]) -> list[Finding]:
    """Without the pairs of which both collapse, which say nothing of a reading; all where no other is there."""
    return [finding for finding in findings if finding.outcome != BOTH_COLLAPSE] or findings


def _better(summary: Summary, queries: PerQuery, ours: Cell, theirs: Cell) -> Finding:
    if ours.unstable or theirs.unstable:
        return _finding(summary, queries, ours, theirs, "cannot be said", UNSTABLE)
    if ours.collapsed and theirs.collapsed:
        return _finding(summary, queries, ours, theirs, "cannot be said", BOTH_COLLAPSE)
    if ours.collapsed != theirs.collapsed:
        return _finding(
            summary, queries, ours, theirs, *(("no", "collapses") if ours.collapsed else ("yes", "the other collapses"))
        )
    found = contrast(queries, ours, theirs)
    shown = 0 if found is None else found.shown()
    if not shown:
        return _finding(summary, queries, ours, theirs, "cannot be said", UNDECIDED)
    return _finding(summary, queries, ours, theirs, *(("yes", "better") if shown > 0 else ("no", "worse")))


def _offset(summary: Summary, queries: PerQuery) -> Claim:
    def other(variant: Variant) -> Variant | None:
        return replace(variant, offset=None) if variant.offset is not None and not variant.adapted else None

    return assembled(
        ClaimName.OFFSET_PREVENTS,
        "An offset at the start prevents the collapse",
        "Not asked by either paper: each term's logit is lowered by its mean plus c standard deviations over training "
        "text, which costs one forward pass over some hundred texts.",
        "Of two cells without adaptation that differ in the offset alone, does the one without collapse and the other "
        "train?",
        [_prevented(summary, queries, ours, theirs) for ours, theirs in _pairs(summary, other)],
        "No variant was run without adaptation both with and without an offset.",
    )


def _in_place(summary: Summary, queries: PerQuery) -> Claim:
    def other(variant: Variant) -> Variant | None:
        lone = variant.offset is not None and not variant.adapted
        return replace(variant, offset=None, adapted=True) if lone else None

    return assembled(
        ClaimName.OFFSET_REPLACES_ADAPTATION,
        "An offset at the start replaces the adaptation phase",
        "Not asked by either paper.",
        "Where the adaptation phase works: does a run with an offset and without adaptation train, and reach no less "
        "than the run with adaptation and without an offset: less than "
        f"{100 * LEVEL_SHARE:.0f} % below it at 95 % confidence?",
        [_replaced(summary, queries, ours, theirs) for ours, theirs in _pairs(summary, other)],
        "No variant was run both ways.",
    )


def _replaced(summary: Summary, queries: PerQuery, ours: Cell, theirs: Cell) -> Finding:
    if ours.unstable or theirs.unstable:
        return _finding(summary, queries, ours, theirs, "cannot be said", UNSTABLE)
    if ours.collapsed:
        both = theirs.collapsed
        return _finding(
            summary, queries, ours, theirs, *(("cannot be said", BOTH_COLLAPSE) if both else ("no", "collapses"))
        )
    if theirs.collapsed:
        return _finding(summary, queries, ours, theirs, "cannot be said", "trains, but the adapted one collapses")
    found = contrast(queries, ours, theirs)
    reading = "undecided" if found is None else found.read(LEVEL_SHARE * summary.quality(theirs))
    holds: dict[str, Holds] = {"better": "yes", "level": "yes", "worse": "no", "undecided": "cannot be said"}
    outcome = UNDECIDED if reading == "undecided" else reading
    return _finding(summary, queries, ours, theirs, holds[reading], outcome)


def _prepared(summary: Summary) -> list[Cell]:
    """Cells that were made of backbones that some variant adapts, offsets or reads in another way."""
    names = {cell.backbone for cell in summary.cells if cell.variant.prepared}
    return [cell for cell in summary.cells if cell.backbone in names and cell.made]


def _pairs(summary: Summary, other: Callable[[Variant], Variant | None]) -> Iterator[tuple[Cell, Cell]]:
    """Each cell with the one of the same backbone whose variant `other` gives, where both were made."""
    made = {(cell.backbone, cell.variant): cell for cell in summary.cells if cell.made}
    for (backbone, variant), ours in made.items():
        wanted = other(variant)
        theirs = None if wanted is None else made.get((backbone, wanted))
        if theirs is not None:
            yield ours, theirs


def _title(summary: Summary, cell: Cell) -> str:
    return f"{title_of(summary, cell.backbone)}, {variant_title(cell.variant)}"


def _finding(summary: Summary, queries: PerQuery, ours: Cell, theirs: Cell, holds: Holds, outcome: str) -> Finding:
    title = _title(summary, ours)
    reached = [f"{quality(summary, cell)} ({verdict_value(cell).text})" for cell in (ours, theirs)]
    found = contrast(queries, ours, theirs)
    return Finding(
        holds,
        title,
        outcome,
        f"{title}: {reached[0]}; {variant_title(theirs.variant)}: {reached[1]}"
        f"{'' if found is None else f' ({found.words()})'}.",
        {
            "Quality": reached[0],
            "Held against": variant_title(theirs.variant),
            "Quality of it": reached[1],
            **({} if found is None else found.details()),
        },
    )
