"""The SPLADE model as modules of sentence-transformers, with the fused pooling in place of logits and pooling.

`SparseEncoder(modules=[PackedTransformer(...), FusedSpladePooling(...)])` trains and encodes like the stock pair
(Transformer, SpladePooling), but between the two travel the transformed hidden states of the real tokens [T, D]
instead of the logits [B, L, V]. What is saved in the end is a plain SparseEncoder folder (see
`models/sparse_encoder_files.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Transformer
from sentence_transformers.sparse_encoder.modules import SpladePooling
from torch import Tensor, nn

from rescalade.splade.backends import Backend
from rescalade.splade.model import SpladeModel
from rescalade.splade.packed_inputs import packed_inputs
from rescalade.texts.layout import Layout

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class PackedTransformer(Transformer):
    """Token ids in, transformed hidden states of the tokens that count out, packed text after text.

    The stock constructor loads a model from a folder; this one takes a model that is loaded and checked already.
    """

    def __init__(
        self,
        splade: SpladeModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        layout: Layout,
        precision: str,
    ) -> None:
        nn.Module.__init__(self)
        self._splade = (splade,)  # in a tuple: it is another view of the same parameters
        self.model = splade.masked_lm
        self.processor = tokenizer
        self.backend, self.transformer_task = "torch", "fill-mask"
        self.modality_config = {"text": {"method": "forward", "method_output_name": "logits"}}
        self.module_output_name = "token_embeddings"
        self.processing_kwargs = {}
        self.can_flatten_inputs = False
        self._layout = layout
        self.autocast = precision == "bf16"

    @property
    def splade(self) -> SpladeModel:
        """The wrapped model, with which the pooling shares W."""
        return self._splade[0]

    def preprocess(self, inputs: Any, *_: Any, **__: Any) -> dict[str, Any]:
        """Texts to padded ids, mask and the mask of the tokens that take part in the max."""
        tokens = self._layout.tokens(self.processor, inputs)
        return vars(self._layout.batch(self.processor, tokens.rows())).copy()

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add `packed` [T, D] float32 and `offsets` [B + 1] int64 on the CPU to input_ids, attention_mask, pooled."""
        packed, offsets = packed_inputs(self.splade, features, half=self.autocast)
        return {**features, "packed": packed, "offsets": offsets}

    def get_embedding_dimension(self) -> int:
        """Length of a vector: the number V of vocabulary items."""
        return int(self.splade.head.weight.shape[0])


class FusedSpladePooling(SpladePooling):
    """Term weights from packed hidden states, by the wrapped model's pooling and activation, without the logits."""

    def __init__(self, splade: SpladeModel, backend: Backend = "auto") -> None:
        super().__init__(splade.pooling, splade.activation, int(splade.head.weight.shape[0]))
        self._splade = (splade,)  # in a tuple: its parameters belong to the module before this one
        self._head_backend: Backend = backend

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add `sentence_embedding` [B, V] float32."""
        weights: Tensor = self._splade[0].pool(features["packed"], features["offsets"], self._head_backend)
        return {**features, "sentence_embedding": weights}


def sparse_encoder(
    splade: SpladeModel,
    tokenizer: PreTrainedTokenizerBase,
    *,
    layout: Layout,
    precision: str = "fp32",
    head_backend: Backend = "auto",
) -> SparseEncoder:
    """The two modules as a SparseEncoder on the model's device."""
    transformer = PackedTransformer(splade, tokenizer, layout=layout, precision=precision)
    return SparseEncoder(
        modules=[transformer, FusedSpladePooling(splade, head_backend)],
        device=str(splade.device),
        similarity_fn_name="dot",
    )
