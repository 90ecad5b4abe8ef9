"""A language model as a SPLADE encoder: batches of token ids in, term weights out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rescalade.models.locate import Head, locate_head
from rescalade.models.splade_config import Activation, Pooling
from rescalade.rescaling.multiplier import carried_by
from rescalade.splade.backends import Backend
from rescalade.splade.pooling import pack, term_weights
from rescalade.splade.summed import summed_weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class SpladeModel(nn.Module):
    """Wraps a transformers language model; its own modules compute everything up to the decoder.

    The output projection is made to pass its input through, so the model's `logits` are the transformed hidden
    states [B, L, D] and the pooling takes over from there. Parameters, names and ties stay as they
    are; `masked_lm` remains an ordinary model that saves and loads as before.

    pooling, activation: see `rescalade.models.splade_config.SpladeConfig`.
    """

    def __init__(
        self, masked_lm: PreTrainedModel, *, pooling: Pooling = "max", activation: Activation = "relu"
    ) -> None:
        super().__init__()
        self.masked_lm = masked_lm
        self.pooling, self.activation = pooling, activation
        self._head = locate_head(masked_lm)
        self._head.projection.bypass()
        self._divide(False)
        if self._head.soft_cap is not None:
            masked_lm.config.final_logit_softcapping = None  # it would bend the hidden states that now pass through

    @property
    def head(self) -> Head:
        """The output projection that the term weights come from."""
        return self._head

    def restore_decoder(self) -> None:
        """Make the output projection an ordinary layer again, so that `masked_lm` gives logits."""
        self._head.projection.restore()
        self._divide(True)
        if self._head.soft_cap is not None:
            self.masked_lm.config.final_logit_softcapping = self._head.soft_cap

    def _divide(self, active: bool) -> None:
        """Whether a division at run time happens to the logits, or is left to the pooling."""
        carried = carried_by(self._head)
        if carried is not None:
            carried.active = active

    def decoder_inputs(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[B, L] ids and mask -> [B, L, D] transformed hidden states, the h of the equation."""
        mask: Tensor | None = attention_mask
        # a causal model would keep keys and values for tokens to come
        cache = {"use_cache": False} if self._head.family.causal else {}
        if self._sees_no_padding(attention_mask):
            mask = None
        hidden: Tensor = self.masked_lm(input_ids=input_ids, attention_mask=mask, **cache).logits
        return hidden

    def _sees_no_padding(self, mask: Tensor) -> bool:
        """Whether no token that is real could see one that is not, were there no mask.

        In a model that reads forwards that is so of padding on the right. Without a mask, attention on a CPU reads keys
        and values where they lie, and half of the products are left out.
        """
        config = self.masked_lm.config
        # as Llama and its kin say that they read both ways, and as Gemma does
        both_ways = getattr(config, "is_causal", True) is False or getattr(config, "use_bidirectional_attention", False)
        forwards = self._head.family.causal and not both_ways
        return forwards and mask.device.type == "cpu" and bool((mask.diff(dim=1) <= 0).all())

    def pool(self, packed: Tensor, offsets: Tensor, backend: Backend = "auto") -> Tensor:
        """Term weights [B, V] of packed decoder inputs [T, D]; offsets [B + 1] and backend as in `term_weights`.

        A division at run time is applied to h and the bias, which is the same as to the logits; a soft cap and a second
        logarithm to the maximum, since they are monotone. Sums over tokens have one back end.
        """
        bias: Tensor | None = self.head.bias
        cap: float | Tensor | None = self.head.soft_cap
        carried = carried_by(self.head)
        if carried is not None:
            packed = carried(packed)
            bias = carried(bias) if carried.bias and bias is not None else bias
            cap = None if self.head.soft_cap is None else carried.cap(self.head.soft_cap)
        if self.pooling == "sum":
            return summed_weights(packed, offsets, self.head.weight, bias, self.activation, cap)
        weights = term_weights(packed, offsets, self.head.weight, bias, backend)
        weights = weights if cap is None else _cap(weights, cap)
        return weights if self.activation == "relu" else torch.log1p(weights)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, pooled: Tensor) -> Tensor:
        """Term weights.

        Args:
            input_ids: [B, L] int64.
            attention_mask: [B, L] int64, 1 for real tokens.
            pooled: [B, L] bool, tokens over which the maximum runs (a subset of the real ones).

        Returns:
            [B, V] float32.
        """
        hidden = self.decoder_inputs(input_ids, attention_mask)
        return self.pool(*pack(hidden, pooled))

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return self.head.weight.device


def _cap(weights: Tensor, cap: float | Tensor) -> Tensor:
    """Put a soft cap c on logits x after the pooling: log(1 + c tanh(x / c)) from log(1 + x), where x is positive."""
    return torch.log1p(cap * torch.tanh(torch.expm1(weights) / cap))
