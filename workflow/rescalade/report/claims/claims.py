"""The paper's claims as questions to this run."""

from __future__ import annotations

from rescalade.config import Config
from rescalade.paths import Paths
from rescalade.published import load_published
from rescalade.report.claims.claim import Answer, Claim
from rescalade.report.claims.control_claims import norm_alone, offset_alone
from rescalade.report.claims.large_norm_claims import collapse, rescue
from rescalade.report.claims.other_claims import bm25, first_loss, ordering
from rescalade.report.claims.preparation_claims import preparation_claims
from rescalade.report.claims.quantised_claims import quantised_claims
from rescalade.report.claims.small_norm_claims import harmless_exact, harmless_tied
from rescalade.report.results.load import load_results
from rescalade.report.results.paired import PerQuery
from rescalade.report.results.summary import Summary

__all__ = ["Answer", "Claim", "claims_of", "evaluate_claims"]

CLAIMS = (collapse, rescue, harmless_tied, harmless_exact, first_loss, bm25, norm_alone, offset_alone)
"""In the order of the page. Before them stand those of `preparation_claims` and `quantised_claims`, where these have
any, after them those of the published numbers that the experiment is compared with."""


def evaluate_claims(config: Config, paths: Paths) -> list[Claim]:
    """Ask every claim of the results of the experiment.

    Raises:
        UserError: a results file cannot be read.
    """
    return claims_of(Summary(load_results(config, paths)))


def claims_of(summary: Summary) -> list[Claim]:
    """Ask every claim of results that are read already; none of an experiment that trains nothing."""
    if not summary.config.experiment.grid:
        return []
    queries = PerQuery(summary)
    found = [*preparation_claims(summary, queries), *quantised_claims(summary, queries)]
    found += [claim(summary, queries) for claim in CLAIMS]
    if summary.config.experiment.published:
        published = load_published(summary.config.experiment.published)
        found += [ordering(summary, queries, published, asked) for asked in published.orderings]
    return found
