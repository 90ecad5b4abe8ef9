"""A claim and the findings it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from rescalade.report.results.labels import backbone_title
from rescalade.report.results.numbers import with_spread
from rescalade.report.results.summary import Cell, Summary
from rescalade.report.tables.row_norms import head_class

UNSTABLE = "unstable: some seeds collapse"
"""Outcome where the seeds of a cell disagree on collapse."""
UNDECIDED = "no difference shown, and none excluded"
SHOWN = 4
"""Findings written out in the evidence; the rest is in the rows below it."""

Answer = Literal["holds", "does not hold", "mixed", "cannot be said", "not run"]
Holds = Literal["yes", "no", "cannot be said", "not run", "exception"]
"""For one backbone. exception: the paper itself says otherwise of this one, so it does not decide."""


@dataclass(frozen=True)
class Claim:
    """One claim.

    title: a few words. paper_text: the claim in own words and where it stands. question: what is asked of this run,
    with its threshold. result: see `together`. evidence: one paragraph with numbers.
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
    """The answer for one backbone or series. outcome: what was found, in a few words."""

    holds: Holds
    title: str
    outcome: str
    evidence: str
    details: Mapping[str, str] = field(default_factory=dict)

    @property
    def row(self) -> Mapping[str, str]:
        """Its row below the claim."""
        return {"Backbone": self.title, "Holds": self.holds, "Outcome": self.outcome, **self.details}


def together(findings: Sequence[Finding]) -> Answer:
    """The answer to a question about every backbone; exceptions do not count.

    `holds` only where all say yes. `mixed` also where some say yes and of others it is not known: then it cannot be
    said to hold. `does not hold` where none says yes and one says no.
    """
    answers = {finding.holds for finding in findings} - {"exception"}
    if answers <= {"not run"}:
        return "not run"
    if answers == {"yes"}:
        return "holds"
    if "yes" in answers:
        return "mixed"
    return "does not hold" if "no" in answers else "cannot be said"


def assembled(name: str, title: str, paper_text: str, question: str, findings: Sequence[Finding], none: str) -> Claim:
    """A claim out of its findings; `none` is the evidence where there are none."""
    evidence = " ".join(finding.evidence for finding in findings[:SHOWN]) or none
    if len(findings) > SHOWN:
        answers = [finding.holds for finding in findings]
        counts = ", ".join(f"{answers.count(answer)} {answer}" for answer in get_args(Holds) if answer in answers)
        evidence = f"Of {len(findings)}: {counts}. {evidence} The others are below."
    return Claim(name, title, paper_text, question, together(findings), evidence, [f.row for f in findings])


def with_head(summary: Summary, head: str) -> list[str]:
    """Backbones of the experiment with a head of that class, controls left out."""
    names = [name for name in summary.config.backbones() if summary.config.backbone(name).control is None]
    return [name for name in names if head_class(summary, name) == head]


def small_norm_group(summary: Summary) -> list[Cell]:
    """The small heads at k = 1, tied, that have results: what large heads are held against."""
    cells = [summary.cell(name, 1.0) for name in with_head(summary, "small")]
    return [cell for cell in cells if cell is not None and cell.made]


def quality(summary: Summary, cell: Cell) -> str:
    """In-domain quality as `0.204 ± 0.011`."""
    return with_spread(cell.spread(summary.in_domain))


def title_of(summary: Summary, backbone: str) -> str:
    """How the backbone is called on the page."""
    return backbone_title(summary.config, backbone)
