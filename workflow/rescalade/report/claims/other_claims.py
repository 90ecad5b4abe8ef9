"""The loss at step 0 over k, sparse retrieval against BM25, and differences between published systems."""

from __future__ import annotations

import math

import pandas as pd

from rescalade.config.model import ClaimName
from rescalade.published import Ordering, Published
from rescalade.report.claims.claim import UNDECIDED, UNSTABLE, Claim, Finding, Holds, assembled, title_of
from rescalade.report.results.contrast import LEVEL, Reading, contrast_on, contrast_with_bm25
from rescalade.report.results.labels import mode_title, preparation, variant_title
from rescalade.report.results.numbers import signed, with_spread, written
from rescalade.report.results.paired import Domain, PerQuery
from rescalade.report.results.published_ours import own_cell
from rescalade.report.results.summary import Cell, Summary

FALLING = -0.7
"""Rank correlation of k and loss from which the loss is said to fall with k."""
LEVEL_WITH_BM25 = 0.05
"""Level with BM25: less than this share below it, at 95 % confidence."""
READ: dict[Reading, Holds] = {"better": "yes", "level": "yes", "worse": "no", "undecided": "cannot be said"}


def first_loss(summary: Summary, queries: PerQuery) -> Claim:
    """(d) The loss at step 0 falls with k."""
    series: dict[tuple[str, str], dict[float, float]] = {}
    for cell in summary.cells:
        loss = summary.first_loss(cell)
        key = (title_of(summary, cell.backbone), ", ".join([mode_title(cell.variant), *preparation(cell.variant)]))
        if loss is not None:  # the same k, given and chosen by a rule: one point, not two of a fall
            series.setdefault(key, {}).setdefault(cell.variant.scale, loss)
    return assembled(
        ClaimName.FIRST_LOSS_FALLS,
        "The loss at step 0 falls with k",
        "The larger k, the lower the loss at the first step (Fig. 4: from about 21 600 at k = 1 to 600 at k = 16 for "
        "ModernBERT; from 4 150 to 381 for Ettin, where k = 2 starts above k = 1).",
        "Is the mean loss at step 0 lower at the largest k than at the smallest, and the rank correlation of k and "
        f"loss {FALLING:g} or below, for every backbone and mode with at least two scales?",
        [_falls(*key, losses) for key, losses in series.items() if len(losses) > 1],
        "No backbone was run at two scales.",
    )


def _falls(title: str, mode: str, losses: dict[float, float]) -> Finding:
    points = sorted(losses.items())
    steps = ", ".join(f"{written(loss, 'size')} at k = {scale:g}" for scale, loss in points)
    values = [loss for _, loss in points]
    correlation = rank_correlation(values)
    finite = all(math.isfinite(value) for value in values)
    falls = finite and values[-1] < values[0] and correlation <= FALLING
    return Finding(
        "yes" if falls else "no",
        title,
        ("falls" if falls else "does not fall") if finite else "a loss is not finite",
        f"{title}, {mode}: {steps}.",
        {"Mode": mode, "Loss at step 0": steps, "Rank correlation": signed(correlation, 2)},
    )


def rank_correlation(values: list[float]) -> float:
    """Spearman's correlation of values with their positions; 0 where all are equal or one is not finite."""
    if len(set(values)) < 2 or not all(map(math.isfinite, values)):
        return 0.0
    ranks = pd.Series(values).rank()
    return float(ranks.corr(pd.Series(range(len(values)), dtype=float)))


def bm25(summary: Summary, queries: PerQuery) -> Claim:
    """(e) Sparse retrieval against BM25, stated as it is."""
    best = [cell for name in summary.config.backbones() if (cell := summary.best(name)) is not None]
    cell = summary.best_of(best)
    domains: list[Domain] = ["in-domain", "out-of-domain"] if summary.units else ["in-domain"]
    return assembled(
        ClaimName.LEVEL_WITH_BM25,
        "Sparse retrieval is level with BM25",
        "Not a claim of the paper, which has no BM25 row. CSPLADE (arXiv 2504.10816, main table) gives 18.4 MRR@10 for "
        "BM25 and 37.8 and above for learned sparse retrieval, 43.7 against 48.8 and above on BEIR.",
        f"Is the best variant of all better than BM25, or less than {100 * LEVEL_WITH_BM25:.0f} % below it at 95 % "
        f"confidence? The variant is {summary.choice_words}.",
        [_against_bm25(summary, queries, cell, domain) for domain in domains],
        "Nothing was scored.",
    )


def _against_bm25(summary: Summary, queries: PerQuery, cell: Cell | None, domain: Domain) -> Finding:
    title = domain.capitalize()
    inside = domain == "in-domain"
    pick = summary.in_domain if inside else summary.out_of_domain
    reached = (summary.in_domain_quality if inside else summary.out_of_domain_quality)(summary.results.bm25)
    found = None if cell is None else contrast_with_bm25(queries, cell, domain)
    if cell is None or found is None or not math.isfinite(reached):
        return Finding("not run", title, "not run", f"{title}: not run.")
    who = f"{title_of(summary, cell.backbone)} at {variant_title(cell.variant)}"
    measure = summary.in_domain_label if inside else summary.out_of_domain_label
    reading = found.read(LEVEL_WITH_BM25 * reached)
    return Finding(
        READ[reading],
        title,
        UNDECIDED if reading == "undecided" else reading,
        f"{title}, {who} reaches {measure} {with_spread(cell.spread(pick))}, BM25 {written(reached)} "
        f"({found.words()}).",
        {
            "Best run in-domain": who,
            "Measure": measure,
            "Sparse": with_spread(cell.spread(pick)),
            "BM25": written(reached),
            **found.details(),
        },
    )


def ordering(summary: Summary, queries: PerQuery, published: Published, asked: Ordering) -> Claim:
    """A published difference between two systems, asked of the runs that are called so."""
    return assembled(
        asked.id,
        asked.title,
        f"{asked.text} ({published.source})",
        f"Is {published.backbones[asked.better].title} better than {published.backbones[asked.than].title} in "
        f"{asked.measure} at p < {LEVEL:g}, on the same queries?",
        [_ordered(summary, queries, published, asked)],
        "Not run.",
    )


def _ordered(summary: Summary, queries: PerQuery, published: Published, asked: Ordering) -> Finding:
    cells = [own_cell(summary, published, name, 1.0) for name in (asked.better, asked.than)]
    title = published.backbones[asked.better].title
    datasets = [name for key in asked.datasets for name in published.datasets[key].names]
    better, than = cells
    found = None
    if better is not None and than is not None:
        found = contrast_on(queries, better, than, datasets, asked.measure)
    if better is None or than is None or found is None:
        return Finding("not run", title, "not run", "One of the two, or both, were not run on these queries.")
    words, shown = f"{title}: {found.words()}.", found.shown()
    if better.unstable or than.unstable:
        return Finding("cannot be said", title, UNSTABLE, words, found.details())
    if not shown:
        return Finding("cannot be said", title, "no difference shown", words, found.details())
    return Finding("yes" if shown > 0 else "no", title, "better" if shown > 0 else "worse", words, found.details())
