"""An offset of each term at the start: where its logit usually stands, learned from unlabelled text, taken off.

    z' = z - m - c s

m and s [V] are mean and standard deviation over texts of a term's pooled logit, the maximum over pooled positions of
z = h · w + b before the ReLU, and c says how far above its usual height a logit must rise before the term counts. After
that every term's pooled logit has the mean -c s on these texts, so few terms are active in a text, and other ones in
other texts. Dividing by k cannot do this: it moves no logit to the other side of 0.

Queries and documents count as texts alike, in equal numbers: a head holds one bias, and their pooled logits stand at
different heights. An offset of documents alone leaves queries full of terms that are in every query.

The offset goes into the decoder's bias, and a head without one is given one (`rescalade.models.decoder_bias`). It is
measured after the division by k, with whatever that leaves of the bias, so that z' = (z - m - c s) / k wherever the
division is exact, whether or not the bias is divided. Where it is not (a shared matrix on BERT shapes), the offset is
that of the model which is really trained. The bias then trains as any other; under LoRA it stays.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rescalade.errors import UserError
from rescalade.models.decoder_bias import give_bias
from rescalade.models.locate import locate_head
from rescalade.rescaling.multiplier import carried_by
from rescalade.texts.token_batch import TokenBatch

if TYPE_CHECKING:
    from transformers import PreTrainedModel

FEWEST = 2
"""Texts without which there is no deviation."""


@dataclass(frozen=True)
class PooledLogits:
    """What is known of each term's pooled logit over some texts.

    mean, sd: [V] float64 on the model's device; sd divides by n - 1. texts: n, those with a pooled token.
    """

    mean: Tensor
    sd: Tensor
    texts: int

    def height(self, c: float) -> Tensor:
        """[V] m + c s."""
        return self.mean + c * self.sd


def measure_pooled(model: PreTrainedModel, batches: Iterable[TokenBatch]) -> PooledLogits:
    """Mean and deviation of the pooled logits, batch by batch: the logits [B, L, V] of one are held, and 3 V numbers.

    A soft cap is left out, since the bias is added before it. Batches are merged by Chan et al., Algorithms for
    computing the sample variance, The American Statistician 37 (1983), equation 1.5, in float64.

    Raises:
        UserError: fewer than two texts have a pooled token; a logit is not finite.
    """
    head, training, cap = locate_head(model), model.training, locate_head(model).soft_cap
    mean = torch.zeros(len(head.weight), dtype=torch.float64, device=head.weight.device)
    squares, count = torch.zeros_like(mean), 0
    try:
        model.eval()
        if cap is not None:
            model.config.final_logit_softcapping = None
        for batch in batches:
            found = _pooled(model, batch.to(head.weight.device)).double()
            if not len(found):
                continue
            total = count + len(found)
            own = found.mean(0)
            step = own - mean
            squares += (found - own).square().sum(0) + step.square() * (count * len(found) / total)
            mean += step * (len(found) / total)
            count = total
    finally:
        model.train(training)
        if cap is not None:
            model.config.final_logit_softcapping = cap
    if count < FEWEST:
        raise UserError(f"offset: {count} texts have a pooled token; at least {FEWEST} are needed for a deviation")
    if not (mean.isfinite().all() and squares.isfinite().all()):
        raise UserError("offset: the model has logits that are not finite; make it again")
    return PooledLogits(mean, (squares / (count - 1)).sqrt(), count)


def lower(model: PreTrainedModel, found: PooledLogits, c: float) -> None:
    """Take m + c s off every logit by way of the decoder's bias, in place."""
    if not math.isfinite(c):
        raise UserError(f"offset c: a finite number is expected, found {c!r}")
    bias = give_bias(model)
    carried = carried_by(locate_head(model))
    divided = carried.scale if carried is not None and carried.bias else 1.0  # the bias is divided again at run time
    with torch.no_grad():
        bias.copy_(bias.double() - divided * found.height(c))


def _pooled(model: PreTrainedModel, batch: TokenBatch) -> Tensor:
    """[N, V] pooled logits of the N texts that have a pooled token."""
    asked = {"use_cache": False} if locate_head(model).family.causal else {}
    with torch.inference_mode():
        logits: Tensor = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, **asked).logits
        logits.masked_fill_(~batch.pooled.unsqueeze(2), -math.inf)
        return logits.amax(1)[batch.pooled.any(1)]
