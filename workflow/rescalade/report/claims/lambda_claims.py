"""Two ways to fewer active terms: a higher offset at the start, and a stronger regulariser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rescalade.config.model import ClaimName
from rescalade.report.claims.claim import UNSTABLE, Claim, Finding, Holds, assembled, quality, title_of
from rescalade.report.results.contrast import Contrast, contrast
from rescalade.report.results.labels import variant_title
from rescalade.report.results.load import RunResult
from rescalade.report.results.numbers import written
from rescalade.report.results.paired import PerQuery
from rescalade.report.results.summary import Cell, Summary, mean, sparsity
from rescalade.report.tables.tradeoff_table import without_lambdas
from rescalade.report.tables.verdicts import verdict_value
from rescalade.variants import Variant

LEVEL_SHARE = 0.05
"""No worse: less than this share below the other, at 95 % confidence."""


def beats_lambda(summary: Summary, queries: PerQuery) -> Claim:
    """Whether a higher offset trades effectiveness for FLOPS better than larger lambdas do.

    Each cell with an offset is held against each with a lower one or none and larger lambdas, of the experiment or of
    those that are shown along, all else alike.
    """
    return assembled(
        ClaimName.OFFSET_BEATS_LAMBDA,
        "A higher offset trades better than a larger λ",
        "Not asked by either paper: an offset lets fewer terms begin, a larger λ of the regulariser silences them.",
        "Of two cells, one with an offset c and one with a lower offset or none and larger λ: does only the first "
        f"train; or has it fewer FLOPS and is less than {100 * LEVEL_SHARE:.0f} % below the other in-domain "
        f"({summary.in_domain_label}), at 95 % confidence? It does not hold where that is true of the other.",
        [_held(summary, queries, *pair) for pair in _pairs(summary)],
        "No cell has larger λ and a lower offset than another of the same backbone.",
    )


def _pairs(summary: Summary) -> Iterator[tuple[Cell, Cell]]:
    for theirs in [*_others(summary), *(cell for cell in summary.cells if cell.made)]:
        for ours in summary.cells:
            offset = ours.variant.offset
            alike = without_lambdas(replace(ours.variant, offset=None)) == without_lambdas(
                replace(theirs.variant, offset=None)
            )
            lower = offset is not None and (theirs.variant.offset is None or theirs.variant.offset < offset)
            if ours.made and ours.backbone == theirs.backbone and alike and lower and _stronger(summary, theirs, ours):
                yield ours, theirs


def _others(summary: Summary) -> list[Cell]:
    """Cells of the experiments shown along that were made."""
    grouped: dict[tuple[str, str, Variant], list[RunResult]] = {}
    for result in summary.results.others:
        grouped.setdefault((result.run.recipe, result.run.backbone, result.run.variant), []).append(result)
    cells = [
        Cell(backbone, variant, tuple(runs), tuple(summary.verdict(run) for run in runs))
        for (_, backbone, variant), runs in grouped.items()
    ]
    return [cell for cell in cells if cell.made]


def _stronger(summary: Summary, theirs: Cell, ours: Cell) -> bool:
    """Whether one was trained with larger lambdas: none smaller, and one larger."""
    config = summary.config
    first, second = (config.run_settings(cell.runs[0].run) for cell in (theirs, ours))
    pairs = [(first.lambda_query, second.lambda_query), (first.lambda_document, second.lambda_document)]
    return all(one >= other for one, other in pairs) and any(one > other for one, other in pairs)


def _held(summary: Summary, queries: PerQuery, ours: Cell, theirs: Cell) -> Finding:
    recipe = theirs.runs[0].run.recipe
    title = f"{title_of(summary, ours.backbone)}, {variant_title(ours.variant)}"
    along = "" if recipe == summary.config.experiment.recipe else f" by {recipe}"
    other = f"{variant_title(theirs.variant)}{along}"
    reached = [f"{quality(summary, cell)} ({verdict_value(cell).text})" for cell in (ours, theirs)]
    flops = [_flops(summary, cell) for cell in (ours, theirs)]
    found = contrast(queries, ours, theirs)
    words = "" if found is None else f" ({found.words()})"
    evidence = (
        f"{title}: {reached[0]} at {written(flops[0], 'fine')} FLOPS; {other}: {reached[1]} at "
        f"{written(flops[1], 'fine')}{words}."
    )
    details = {
        "Quality": reached[0],
        "FLOPS": written(flops[0], "fine"),
        "Held against": other,
        "Quality of it": reached[1],
        "FLOPS of it": written(flops[1], "fine"),
        **({} if found is None else found.details()),
    }
    holds, outcome = _outcome(ours, theirs, found, flops, LEVEL_SHARE * summary.quality(theirs))
    return Finding(holds, title, outcome, evidence, details)


def _outcome(ours: Cell, theirs: Cell, found: Contrast | None, flops: list[float], allowed: float) -> tuple[Holds, str]:
    if ours.unstable or theirs.unstable:
        return "cannot be said", UNSTABLE
    if ours.collapsed or theirs.collapsed:
        if ours.collapsed and theirs.collapsed:
            return "cannot be said", "both collapse"
        return ("no", "collapses") if ours.collapsed else ("yes", "the other collapses")
    if found is None:
        return "not run", "not scored"
    if flops[0] < flops[1] and found.low > -allowed:
        return "yes", "no worse at fewer FLOPS"
    if flops[1] < flops[0] and found.high < allowed:
        return "no", "no better at more FLOPS"
    return "cannot be said", "neither is no worse at fewer FLOPS"


def _flops(summary: Summary, cell: Cell) -> float:
    """Mean over seeds and in-domain sets."""
    sets = summary.config.experiment.in_domain
    return mean([mean([sparsity(run.scores.get(name), "flops") for name in sets]) for run in cell.made])
