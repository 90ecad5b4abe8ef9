"""A claim and the findings it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rescalade.config.model import ClaimName
from rescalade.report.results.numbers import with_spread
from rescalade.report.results.summary import Cell, Summary
from rescalade.report.tables.row_norms import head_class

SHOWN = 4
"""Findings written out in the evidence; the rest is in the rows below it."""

Answer = Literal["holds", "does not hold", "mixed", "not run"]


@dataclass(frozen=True)
class Claim:
    """One claim.

    title: a few words. paper_text: the claim in own words and where it stands. question: what is asked of this run,
    with its threshold.
    result: `mixed` where it holds for some of the backbones
    asked and not, or not known, for others. evidence: one paragraph with numbers.
    details: one row per backbone or series that was asked, all with the same keys.
    """

    id: str
    title: str
    paper_text: str
    question: str
    result: Answer
    evidence: str
    details: Sequence[Mapping[str, str]] = field(default=())


@dataclass(frozen=True)
class Finding:
    """The answer for one backbone or series; holds is None where there are no results."""

    holds: bool | None
    evidence: str
    details: Mapping[str, str]


def together(findings: Sequence[Finding]) -> Answer:
    """The answer to a question about every backbone.

    `mixed` also where all that were run agree with the claim but some were not run: it cannot be said to hold.
    """
    answers = [finding.holds for finding in findings]
    if not any(answer is not None for answer in answers):
        return "not run"
    if all(answers):
        return "holds"
    return "mixed" if any(answers) else "does not hold"


def assembled(
    name: ClaimName, title: str, paper_text: str, question: str, findings: Sequence[Finding], none: str
) -> Claim:
    """A claim out of its findings; `none` is the evidence where there are none."""
    evidence = " ".join(finding.evidence for finding in findings[:SHOWN]) or none
    if len(findings) > SHOWN:
        counts = [sum(finding.holds is answer for finding in findings) for answer in (True, False, None)]
        evidence = f"Yes {counts[0]}, no {counts[1]}, not run {counts[2]} times. {evidence} The others are below."
    return Claim(name.value, title, paper_text, question, together(findings), evidence, [f.details for f in findings])


def with_head(summary: Summary, head: str) -> list[str]:
    """Backbones of the experiment with a head of that class."""
    return [name for name in summary.config.backbones() if head_class(summary, name) == head]


def quality(summary: Summary, cell: Cell) -> str:
    """In-domain quality as `0.204 ± 0.011`."""
    return with_spread(cell.spread(summary.in_domain))


def row(title: str, holds: str) -> dict[str, str]:
    """The first two entries of every row of details."""
    return {"Backbone": title, "Holds": holds}


def yes(holds: bool | None) -> str:
    """An answer in words."""
    return "not run" if holds is None else "yes" if holds else "no"
