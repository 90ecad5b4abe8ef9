"""The loss at step 0 over k, and sparse retrieval against BM25."""

from __future__ import annotations

import math
from itertools import pairwise

from rescalade.config.model import ClaimName
from rescalade.report.claims.claim import Claim, Finding, assembled, row, yes
from rescalade.report.results.labels import backbone_title, mode_title, variant_title
from rescalade.report.results.numbers import Spread, with_spread, written
from rescalade.report.results.summary import Summary


def first_loss(summary: Summary) -> Claim:
    """(d) The loss at step 0 falls with k."""
    findings = []
    series: dict[tuple[str, str], dict[float, float]] = {}
    for cell in summary.cells:
        loss = cell.outcome(lambda outcome: outcome.first_loss).mean
        key = (backbone_title(summary.config, cell.backbone), mode_title(cell.variant))
        if cell.made and loss is not None:  # the same k, given and chosen by a rule: one point, not two of a fall
            series.setdefault(key, {}).setdefault(cell.variant.scale, loss)
    for (title, mode), losses in series.items():
        if len(losses) < 2:
            continue
        points = sorted(losses.items())
        holds = all(after[1] < before[1] for before, after in pairwise(points))
        steps = ", ".join(f"{written(loss, 'size')} at k = {scale:g}" for scale, loss in points)
        findings.append(
            Finding(
                holds, f"{title}, {mode}: {steps}.", row(title, yes(holds)) | {"Mode": mode, "Loss at step 0": steps}
            )
        )
    return assembled(
        ClaimName.FIRST_LOSS_FALLS,
        "The loss at step 0 falls with k",
        "The larger k, the lower the loss at the first step (Fig. 4: ModernBERT falls from about 21 600 at k = 1 to "
        "600 at "
        "k = 16; Ettin's k = 1 is the exception).",
        "Does the mean loss at step 0 fall with every step of k, for every backbone and mode with at least two scales?",
        findings,
        "No backbone was run at two scales.",
    )


def bm25(summary: Summary) -> Claim:
    """(e) Sparse retrieval against BM25, stated as it is."""
    findings = []
    best = [cell for name in summary.config.backbones() if (cell := summary.best(name)) is not None]
    cell = max(best, key=summary.quality, default=None)
    reached = summary.results.bm25
    domains = [("In-domain", summary.in_domain_label, summary.in_domain, summary.in_domain_quality(reached))]
    if summary.units:
        label = summary.out_of_domain_label
        domains.append(("Out-of-domain", label, summary.out_of_domain, summary.out_of_domain_quality(reached)))
    for domain, measure, pick, reference in domains:
        ours = Spread(None, None, 0, 0) if cell is None else cell.spread(pick)
        if cell is None or ours.mean is None or not math.isfinite(reference):
            findings.append(Finding(None, f"{domain}: not run.", {"Queries": domain, "Holds": "not run"}))
            continue
        holds = ours.mean >= reference
        who = f"{backbone_title(summary.config, cell.backbone)} at {variant_title(cell.variant)}"
        findings.append(
            Finding(
                holds,
                f"{domain}, {who} reaches {measure} {with_spread(ours)}, BM25 {written(reference)}.",
                {
                    "Queries": domain,
                    "Holds": yes(holds),
                    "Best run in-domain": who,
                    "Measure": measure,
                    "Sparse": with_spread(ours),
                    "BM25": written(reference),
                },
            )
        )
    return assembled(
        ClaimName.LEVEL_WITH_BM25,
        "Sparse retrieval is level with BM25",
        "The paper has no BM25 row. CSPLADE (arXiv 2504.10816, main table) gives 18.4 MRR@10 for BM25 and 37.8 and "
        "above for learned sparse retrieval, 43.7 against 48.8 and above on BEIR.",
        "Does the variant with the best in-domain quality reach BM25 on the same queries, in-domain and out-of-domain?",
        findings,
        "Nothing was scored.",
    )
