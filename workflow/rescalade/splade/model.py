"""A masked language model as a SPLADE encoder: batches of token ids in, term weights out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rescalade.heads.locate import Head, locate_head
from rescalade.splade.head import pack, term_weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class SpladeModel(nn.Module):
    """Wraps a transformers masked language model; its own modules compute everything up to the decoder.

    The decoder is made to pass its input through, so the model's `logits` are the transformed hidden
    states [B, L, D] and the fused head takes over from there. Parameters, names and ties stay as they
    are; `masked_lm` remains an ordinary model that saves and loads as before.
    """

    def __init__(self, masked_lm: PreTrainedModel) -> None:
        super().__init__()
        self.masked_lm = masked_lm
        self._head = locate_head(masked_lm)
        self._head.decoder.forward = _pass_through  # type: ignore[assignment, method-assign]

    @property
    def head(self) -> Head:
        """The output projection that the term weights come from."""
        return self._head

    def restore_decoder(self) -> None:
        """Make the decoder an ordinary Linear layer again, so that `masked_lm` gives logits."""
        vars(self._head.decoder).pop("forward", None)

    def decoder_inputs(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[B, L] ids and mask -> [B, L, D] transformed hidden states, the h of the equation."""
        hidden: Tensor = self.masked_lm(input_ids=input_ids, attention_mask=attention_mask).logits
        return hidden

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
        return self.head_weights(*pack(hidden.float(), pooled))

    def head_weights(self, packed: Tensor, offsets: Tensor) -> Tensor:
        """Term weights [B, V] float32 of decoder inputs [T, D] float32 packed text after text, see `term_weights`."""
        return term_weights(packed, offsets, self.head.weight, self.head.bias)

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return self.head.weight.device


def _pass_through(hidden: Tensor) -> Tensor:
    return hidden
