"""Claims about large-norm backbones: they fail at k = 1, and division rescues them."""

from __future__ import annotations

import math

from rescalade.config.model import ClaimName
from rescalade.report.claims.claim import Claim, Finding, assembled, quality, row, with_head, yes
from rescalade.report.results.labels import backbone_title, variant_title
from rescalade.report.results.numbers import written
from rescalade.report.results.summary import Summary
from rescalade.report.tables.verdicts import verdict_value

DEGRADED = 0.75
"""A large-norm backbone counts as degraded at k = 1 at or below this share of its best k."""
TWIN_SHARE = 0.90
"""The best k of a large-norm backbone is level with its small-norm twin from this share of the twin's best."""


def collapse(summary: Summary) -> Claim:
    """(a) Large-norm backbones fail at k = 1."""
    findings = []
    for name in with_head(summary, "large"):
        title, cell, best = backbone_title(summary.config, name), summary.cell(name, 1.0), summary.best(name)
        if cell is None or not cell.made:
            findings.append(Finding(None, f"{title}: k = 1 was not run.", row(title, "not run")))
            continue
        declared = cell.collapsed
        ours, top = summary.quality(cell), math.nan if best is None else summary.quality(best)
        share = ours / top if top and math.isfinite(top) else math.nan
        degraded = share <= DEGRADED
        verdict = verdict_value(cell).text
        known = declared or math.isfinite(share)
        words = f"{title}: {summary.in_domain_label} {quality(summary, cell)} at k = 1 ({verdict})"
        if best is not None and best is not cell:
            words += f" against {quality(summary, best)} at its best, {variant_title(best.variant)}"
            words += f", {written(100 * (1 - share), 'percent')} % lower." if math.isfinite(share) else "."
        else:
            words += ", its best k." if best is cell else "."
        findings.append(
            Finding(
                (declared or degraded) if known else None,
                words,
                row(title, yes(declared or degraded if known else None))
                | {
                    "At k = 1": quality(summary, cell),
                    "Verdict at k = 1": verdict,
                    "Best": "–" if best is None else f"{quality(summary, best)} ({variant_title(best.variant)})",
                },
            )
        )
    return assembled(
        ClaimName.LARGE_NORM_COLLAPSES,
        "Large-norm heads fail at k = 1",
        "Backbones whose MLM head has a large row norm collapse or degrade in standard SPLADE training, k = 1 "
        "(section on results, Table 2: ModernBERT .045, Ettin .099 MRR@10).",
        "Does every large-norm backbone at k = 1, tied, collapse by the declared definition in most of its runs, or "
        "end "
        f"at least {100 * (1 - DEGRADED):.0f} % below its best k in-domain ({summary.in_domain_label})?",
        findings,
        "The experiment has no large-norm backbone.",
    )


def rescue(summary: Summary) -> Claim:
    """(b) Divided, they reach the small-norm twin."""
    findings = []
    for name in with_head(summary, "large"):
        title, twin = backbone_title(summary.config, name), summary.config.backbone(name).twin
        if twin is None:
            continue
        other, best, top = backbone_title(summary.config, twin), summary.best(name), summary.best(twin)
        if best is None or top is None:
            missing = title if best is None else other
            findings.append(Finding(None, f"{missing}: no scored run.", row(title, "not run")))
            continue
        share = summary.quality(best) / summary.quality(top) if summary.quality(top) > 0 else math.nan
        holds = share >= TWIN_SHARE
        gap = 100 * (share - 1)
        words = (
            f"{title}: {quality(summary, best)} at {variant_title(best.variant)}, {written(abs(gap), 'percent')} % "
            f"{'above' if gap >= 0 else 'below'} the {quality(summary, top)} of {other} at "
            f"{variant_title(top.variant)}."
        )
        findings.append(
            Finding(
                holds,
                words,
                row(title, yes(holds))
                | {
                    "Its best": f"{quality(summary, best)} ({variant_title(best.variant)})",
                    "Twin": other,
                    "The twin's best": f"{quality(summary, top)} ({variant_title(top.variant)})",
                },
            )
        )
    return assembled(
        ClaimName.DIVISION_RESCUES,
        "Division brings them level with small-norm heads",
        "Dividing the head by k before training brings large-norm backbones to the level of small-norm ones "
        "(Table 2: ModernBERT .250 at k = 16, BERT .254 MRR@10).",
        f"Does the best k of every large-norm backbone reach {100 * TWIN_SHARE:.0f} % of the best k of its small-norm "
        f"twin in-domain ({summary.in_domain_label})?",
        findings,
        "No large-norm backbone of the experiment names a small-norm twin.",
    )
