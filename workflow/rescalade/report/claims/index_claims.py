"""The size of a learned sparse index against that of dense vectors of the same model."""

from __future__ import annotations

import math

from rescalade.config.model import ClaimName
from rescalade.report.claims.claim import UNSTABLE, Claim, Finding, assembled, title_of
from rescalade.report.results.labels import variant_title
from rescalade.report.results.numbers import Spread, size, written
from rescalade.report.results.summary import Cell, Summary

SHARE = 0.1
"""Of the dense vectors that an index may take."""
FLOAT32, FLOAT16 = 4, 2
"""Bytes of an element of a dense vector."""


def small_index(summary: Summary, cells: list[Cell]) -> Claim:
    """Whether the index is a tenth of dense vectors at most, by cell and data set.

    A collapsed model has an index of any size, which says nothing: such cells are asked only where there are no others.

    Args:
        cells: of causal backbones, that were made.
    """
    whole = [cell for cell in cells if not cell.collapsed and not cell.unstable]
    findings = [_compared(summary, cell, name) for cell in whole for name in summary.config.test_sets()]
    return assembled(
        ClaimName.INDEX_A_TENTH,
        "The index takes a tenth of a dense one at most",
        "An index of 2.6 to 7.5 GB for MS MARCO where dense vectors of Llama take 135 (CSPLADE, arXiv 2504.10816, main "
        f"table). 135 is 8.8 million documents of 4,096 elements of {FLOAT32} bytes, in units of 2^30.",
        f"Do the files of the index take at most {SHARE:g} of documents × hidden size × {FLOAT32} bytes, on every data "
        f"set, for every variant that trains? The share of vectors of {FLOAT16} bytes an element stands beside it.",
        findings or [_collapsed(summary, cell) for cell in cells],
        "No causal backbone was trained.",
    )


def _compared(summary: Summary, cell: Cell, dataset: str) -> Finding:
    title = f"{title_of(summary, cell.backbone)}, {variant_title(cell.variant)}"
    where = summary.config.title("dataset", dataset)
    scores = [found for run in cell.made if (found := run.scores.get(dataset)) is not None]
    taken = Spread.of(found.timings.index_bytes if found.timings else math.nan for found in scores).mean
    audit = summary.results.audits.get(cell.backbone)
    if taken is None or audit is None:
        lacking = "the index was not measured" if taken is None else "the backbone was not audited"
        return Finding("not run", title, lacking, f"{title} on {where}: {lacking}.", {"Data set": where})
    documents, width = scores[0].documents, audit.width
    dense = documents * width * FLOAT32
    share = taken / dense
    holds = share <= SHARE
    return Finding(
        "yes" if holds else "no",
        title,
        "at most a tenth" if holds else "more than a tenth",
        f"{title} on {where}: {size(taken)}, {_share(share)} of {size(dense)} for {documents:,} documents × {width:,} "
        f"× {FLOAT32} bytes.",
        {
            "Data set": where,
            "Documents": f"{documents:,}",
            "Index": size(taken),
            "Dense, 4 bytes": size(dense),
            "Share of it": _share(share),
            "Share, 2 bytes": _share(share * FLOAT32 / FLOAT16),
        },
    )


def _share(value: float) -> str:
    return written(value, "fine")


def _collapsed(summary: Summary, cell: Cell) -> Finding:
    title = f"{title_of(summary, cell.backbone)}, {variant_title(cell.variant)}"
    outcome = UNSTABLE if cell.unstable else "collapsed: its index says nothing"
    return Finding("cannot be said", title, outcome, f"{title}: {outcome}.")
