"""The paper's claims as questions to this run."""

from __future__ import annotations

from rescalade.config import Config
from rescalade.paths import Paths
from rescalade.report.claims.claim import Answer, Claim
from rescalade.report.claims.large_norm_claims import collapse, rescue
from rescalade.report.claims.other_claims import bm25, first_loss
from rescalade.report.claims.small_norm_claim import harmless
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary

__all__ = ["Answer", "Claim", "claims_of", "evaluate_claims"]

CLAIMS = (collapse, rescue, harmless, first_loss, bm25)
"""In the order of the page."""


def evaluate_claims(config: Config, paths: Paths) -> list[Claim]:
    """Ask every claim of the results of the experiment.

    Raises:
        UserError: a results file cannot be read.
    """
    return claims_of(Summary(load_results(config, paths)))


def claims_of(summary: Summary) -> list[Claim]:
    """Ask every claim of results that are read already."""
    return [claim(summary) for claim in CLAIMS]
