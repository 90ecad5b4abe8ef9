"""What a reader of an audit should not overlook, each with its value and threshold.

No level of risk is given: a window that fits runs of small models is wrong for the paper's (docs/heads.md). It is said
where a start lies outside of it; what became of runs that began alike is looked up (`rescalade.report.results.known`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from rescalade.audit.rules import START_SD, start_of
from rescalade.audited import LARGE_NORM, HeadNorms, Measured, Tried
from rescalade.objective.collapse import DEAD_TERMS, DEGENERATE_COSINE

TIED_ERROR = 0.1
"""Relative error of the logits from which a tied division counts as a change of the encoder."""


def warnings_of(row: Measured, norms: HeadNorms, temperature: float) -> tuple[str, ...]:
    """Of one variant.

    Args:
        norms: of the head before division. temperature: tau of the loss.
    """
    return (*_start(row, temperature), *_texts(row), *_scores(row), *_weights(row, norms))


def chosen_outside(rows: Sequence[Tried], temperature: float) -> Iterator[str]:
    """A line for each k that a rule chose and whose start is not like those of runs that trained."""
    for row in rows:
        if row.rule is not None:
            what = f"{row.mode}, bias divided too" if row.bias else row.mode
            for words in _start(row, temperature):
                yield f"k = {row.k:g}, {what}, by rule {row.rule}: {words}"


def _start(row: Measured, temperature: float) -> Iterator[str]:
    if not (math.isfinite(row.step0_loss) and math.isfinite(row.gradient_norm)):
        yield f"loss {row.step0_loss:g} or its gradient is not finite at step 0"
    elif start_of(row.score_sd / temperature) != "inside":
        low, high = START_SD
        yield (
            f"scores spread by {row.score_sd / temperature:.3g} over the temperature: outside of the {low:g} to "
            f"{high:g} in which 2x128 models trained"
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
