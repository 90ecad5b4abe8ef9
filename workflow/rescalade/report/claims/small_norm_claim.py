"""The claim about small-norm backbones: a moderate k does not harm them."""

from __future__ import annotations

import math

from rescalade.config.model import ClaimName
from rescalade.models.families import FAMILIES
from rescalade.report.claims.claim import Claim, Finding, assembled, quality, row, with_head, yes
from rescalade.report.results.labels import backbone_title, mode_title, scale_title, variant_title
from rescalade.report.results.noise import seed_noise
from rescalade.report.results.numbers import Spread, written
from rescalade.report.results.summary import Cell, Summary

MODERATE = 4.0
"""Largest k that counts as moderate for a small-norm backbone."""


def harmless(summary: Summary) -> Claim:
    """(c) Small-norm backbones bear a moderate k where the division is exact."""
    findings = []
    for name in with_head(summary, "small"):
        title = backbone_title(summary.config, name)
        cells = [cell for cell in summary.of(name) if 1 < cell.variant.scale <= MODERATE]
        exact = [cell for cell in cells if _exact(summary, cell)]
        base = summary.cell(name, 1.0)
        scored = [cell for cell in exact if math.isfinite(summary.quality(cell))]
        if not exact and not cells:
            continue
        if not scored or base is None or not math.isfinite(summary.quality(base)):
            why = (
                "no moderate k in a mode where the division is exact"
                if not exact
                else "k = 1 or the moderate k not scored"
            )
            findings.append(Finding(None, f"{title}: {why}.", row(title, "not run")))
            continue
        cell = max(scored, key=lambda item: (item.variant.scale, item.variant.bias, item.variant.mode == "tied"))
        base = summary.baseline(cell) or base
        allowed = seed_noise(_spreads(summary, name))
        difference = summary.quality(cell) - summary.quality(base)
        holds = difference >= -allowed
        sign = "+" if difference >= 0 else ""
        findings.append(
            Finding(
                holds,
                f"{title}: {quality(summary, cell)} at {variant_title(cell.variant)} against {quality(summary, base)} "
                f"at {variant_title(base.variant)}: {sign}{written(difference)}, seed noise {written(allowed)}.",
                row(title, yes(holds))
                | {
                    "Mode": mode_title(cell.variant),
                    "At k = 1": quality(summary, base),
                    "At moderate k": f"{quality(summary, cell)} ({scale_title(cell.variant)})",
                    "Difference": f"{sign}{written(difference)}",
                    "Seed noise": written(allowed),
                },
            )
        )
    return assembled(
        ClaimName.SMALL_NORM_UNHARMED,
        "Small-norm heads bear a moderate k",
        "Small-norm backbones do not need the division, and a moderate k does not harm them (Fig. 3; ALBERT is the "
        "paper's exception).",
        f"Is every small-norm backbone at its largest k up to {MODERATE:g}, in a mode where the division is exact (the "
        "encoder stays as it was: untied, folded or multiplier, or tied where the embedding feeds straight into a "
        "norm, as in ModernBERT), "
        "no worse than at k = 1 by more than seed noise: twice the pooled sd "
        f"over seeds of its runs that did not collapse, at least 0.01 {summary.in_domain_label}?",
        findings,
        "The experiment has no small-norm backbone at a moderate k.",
    )


def _spreads(summary: Summary, backbone: str) -> list[Spread]:
    """In-domain quality over seeds of every cell that did not collapse."""
    return [cell.spread(summary.in_domain) for cell in summary.of(backbone) if not cell.collapsed]


def _exact(summary: Summary, cell: Cell) -> bool:
    """Whether the mode changes the head alone: the encoder computes what it did before."""
    if cell.variant.mode != "tied":
        return True
    audit = summary.results.audits.get(cell.backbone)
    family = None if audit is None else FAMILIES.get(audit.model_type)
    return audit is not None and (not audit.tied or (family is not None and family.normed_embedding))
