"""What a reader of an audit should not overlook, each with its value and threshold.

No level of risk is given: a threshold on the starting loss that fits the runs kept with the package is wrong for the
paper's (docs/heads.md). What became of runs that began alike is looked up instead (`rescalade.report.results.known`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from rescalade.audited import FLAT_LOSS, FLAT_SCORES, LARGE_NORM, HeadNorms, Measured, is_flat
from rescalade.objective.collapse import DEAD_TERMS, DEGENERATE_COSINE

TIED_ERROR = 0.1
"""Relative error of the logits from which a tied division counts as a change of the encoder."""


def warnings_of(row: Measured, norms: HeadNorms, candidates: int) -> tuple[str, ...]:
    """Of one variant.

    Args:
        norms: of the head before division. candidates: documents in the softmax.
    """
    return (*_loss(row, candidates), *_texts(row), *_scores(row), *_weights(row, norms))


def _loss(row: Measured, candidates: int) -> Iterator[str]:
    if not (math.isfinite(row.step0_loss) and math.isfinite(row.gradient_norm)):
        yield f"loss {row.step0_loss:g} or its gradient is not finite at step 0"
    elif is_flat(row.step0_loss, candidates, row.score_sd):
        guessing = f"ln({candidates}) = {math.log(candidates):.4g}"
        yield (
            f"flat: InfoNCE at step 0 is {row.step0_loss:.4g}, guessing is {guessing}, the standard deviation of the "
            f"scores is {row.score_sd:.3g} (within {FLAT_LOSS:.0%}, or below {FLAT_SCORES:g}): nothing is told apart"
        )


def _texts(row: Measured) -> Iterator[str]:
    if row.active_document < DEAD_TERMS:
        yield f"{row.active_document:.2f} active terms per document (dead: below {DEAD_TERMS:g})"
    if row.cosine_document > DEGENERATE_COSINE:
        yield f"mean cosine between documents is {row.cosine_document:.3f} (above {DEGENERATE_COSINE})"


def _scores(row: Measured) -> Iterator[str]:
    if row.bf16_step > max(1.0, row.score_sd / 4):
        yield (
            f"bfloat16 scores near {row.score_mean:,.4g} lie {row.bf16_step:g} apart, their standard deviation "
            f"is {row.score_sd:,.3g} (above a quarter of it, and above 1): keep scores in float32"
        )


def _weights(row: Measured, norms: HeadNorms) -> Iterator[str]:
    norm = norms.row_norm.mean / row.k
    if norm > LARGE_NORM:
        yield f"mean row norm after division is {norm:.3g} (large: above {LARGE_NORM:g})"
    if row.mode == "tied" and row.logit_error > TIED_ERROR:
        yield (
            f"logits are {row.logit_error:.0%} off a pure division (above {TIED_ERROR:.0%}): the shared matrix "
            "is the input embedding, so the encoder sees other inputs; untied and folded do not do that"
        )
