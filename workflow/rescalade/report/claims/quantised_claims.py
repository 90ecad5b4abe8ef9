"""What quantised encoding loses in effectiveness, model by model and query by query."""

from __future__ import annotations

from dataclasses import replace

from rescalade.config.model import ClaimName
from rescalade.quantisation import Quantisation, quantisation_title
from rescalade.report.claims.claim import UNDECIDED, UNSTABLE, Claim, Finding, Holds, assembled, title_of
from rescalade.report.results.contrast import Contrast, contrast
from rescalade.report.results.labels import variant_title
from rescalade.report.results.numbers import written
from rescalade.report.results.paired import PerQuery
from rescalade.report.results.summary import Cell, Summary

LITTLE = 0.05
"""Share of the quality of the weights as trained up to which a loss is little; above it is much."""
EIGHT: tuple[Quantisation, ...] = ("int8-weight", "int8-dynamic", "bnb-int8")
FOUR: tuple[Quantisation, ...] = ("int4-weight", "bnb-int4")
FIGURE = "The paper shows it as a figure of MRR@10 against queries per second, without numbers (CSPLADE, 2504.10816)."


def quantised_claims(summary: Summary, queries: PerQuery) -> list[Claim]:
    """Both, where the experiment encodes in further ways; else none."""
    if not summary.config.experiment.quantised:
        return []
    bar = f"less than {100 * LITTLE:.0f} % of {summary.in_domain_label} at 95 % confidence"
    return [
        _claim(
            summary, queries, ClaimName.EIGHT_BITS_LITTLE, "Encoding in 8 bits loses little", EIGHT, True,
            f"Does a trained model lose {bar} where its linear layers encode in 8 bits?",
        ),
        _claim(
            summary, queries, ClaimName.FOUR_BITS_MUCH, "Encoding in 4 bits loses much", FOUR, False,
            f"Does a trained model lose more than {100 * LITTLE:.0f} % of {summary.in_domain_label} at 95 % confidence "
            "where its linear layers encode in 4 bits?",
        ),
    ]  # fmt: skip


def _claim(
    summary: Summary,
    queries: PerQuery,
    name: ClaimName,
    title: str,
    ways: tuple[Quantisation, ...],
    little: bool,
    question: str,
) -> Claim:
    asked = [how for how in ways if how in summary.config.quantisations()]
    plain = "none" in summary.config.quantisations()
    cells = [cell for cell in summary.cells if cell.made] if plain else []
    findings = [_lost(summary, queries, cell, how, little) for cell in cells for how in asked]
    said = [finding for finding in findings if finding.outcome != COLLAPSED]
    none = "No model was encoded so and with its weights as trained."
    return assembled(name, title, f"{title}. {FIGURE}", question, said or findings, none)


COLLAPSED = "the model itself collapsed"


def _lost(summary: Summary, queries: PerQuery, cell: Cell, how: Quantisation, little: bool) -> Finding:
    title = f"{title_of(summary, cell.backbone)}, {variant_title(cell.variant)}, {quantisation_title(how)}"
    if cell.collapsed or cell.unstable:
        outcome = UNSTABLE if cell.unstable else COLLAPSED
        return Finding("cannot be said", title, outcome, f"{title}: {outcome}.")
    before = _encoded(cell, "none")
    found, values = contrast(queries, _encoded(cell, how), before), queries.of(before, "in-domain")
    if found is None or values is None:
        return Finding("not run", title, "not run", f"{title}: not run.")
    whole = sum(float(table.to_numpy().mean()) for table in values.values()) / len(values)
    holds, outcome = _read(found, LITTLE * whole, little)
    return Finding(
        holds,
        title,
        outcome,
        f"{title}: {found.words()}, of {written(whole)}.",
        {"Weights as trained": written(whole), **found.details()},
    )


def _read(found: Contrast, allowed: float, little: bool) -> tuple[Holds, str]:
    """What an interval says of a loss: the whole of it on one side of what is allowed."""
    if found.low > -allowed:
        return ("yes" if little else "no"), "loses little"
    if found.high < -allowed:
        return ("no" if little else "yes"), "loses much"
    return "cannot be said", UNDECIDED if found.low <= 0 <= found.high else "a loss on both sides of the bar"


def _encoded(cell: Cell, how: Quantisation) -> Cell:
    """The same models as they encode in some way."""
    return replace(cell, runs=tuple(replace(result, run=result.run.quantised(how)) for result in cell.runs))
