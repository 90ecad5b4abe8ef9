"""A SparseEncoder of sentence-transformers whose head is the fused pooling, and which is saved as a stock one.

    fuse(model)   logits [B, L, V] and the pooling over them  ->  decoder inputs [B, L, D] and one fused step

The modules stay the same objects with the same parameters, settings and names in `state_dict`; only their classes
change, so the trainer, the losses and everything that was set on them see what they know. Texts of a batch that differ
much in length go through the encoder apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sparse_encoder.modules import MLMTransformer, SpladePooling
from torch import Tensor, nn

from rescalade.errors import UserError
from rescalade.models.locate import locate_head
from rescalade.splade.length_groups import cut, reorder
from rescalade.splade.length_pieces import pieces
from rescalade.splade.model import SpladeModel
from rescalade.splade.pooling import operand, pack

OFFSETS = "packed_offsets"
"""Key of the [B + 1] offsets, where `token_embeddings` are packed."""


class FusedTransformer(Transformer):
    """Token ids in, decoder inputs out: under `token_embeddings`, [B, L, D], or packed [T, D] with OFFSETS."""

    def forward(self, features: dict[str, Any], **options: Any) -> dict[str, Any]:
        """Add the decoder inputs of a batch; arguments as of the stock module."""
        parts = self._parts(features)
        if len(parts) < 2:
            found: dict[str, Any] = super().forward(features, **options)
            return found
        lengths, packed = _lengths(features["attention_mask"]), []
        table = self.model.get_input_embeddings()
        embedded = table(features["input_ids"])  # once, since its gradient is as large as the vocabulary
        tensors = {name: value for name, value in features.items() if isinstance(value, Tensor)}
        for rows in parts:
            piece = {**features, **cut(tensors, rows, lengths)}
            ids = piece["input_ids"]
            with _answers(table, ids, embedded[rows.to(ids.device), : ids.shape[1]]):
                piece = super().forward(piece, **options)
            packed.append(pack(piece["token_embeddings"], piece["attention_mask"].bool()))
        features["token_embeddings"], features[OFFSETS] = reorder(packed, torch.cat(parts))
        return features

    def _parts(self, features: dict[str, Any]) -> list[Tensor]:
        """Rows of the pieces of a batch; fewer than two where it goes through whole."""
        ids, mask = features.get("input_ids"), features.get("attention_mask")
        if ids is None or mask is None or ids.dim() != 2 or _splade(self).head.family.padding_counts:
            return []
        if any(isinstance(value, Tensor) and value.shape != ids.shape for value in features.values()):
            return []  # other inputs than tokens, which nobody here can cut
        return pieces(_lengths(mask), _splade(self))


class FusedPooling(SpladePooling):
    """Term weights from decoder inputs by the module's own pooling and activation, without the logits."""

    def forward(self, features: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Add `sentence_embedding` [B, V], float32."""
        hidden: Tensor = features["token_embeddings"]
        if OFFSETS in features:
            packed, offsets = hidden, features[OFFSETS]
        elif "cu_seq_lens_q" in features:  # sentence-transformers has left the padding out already
            packed, offsets = hidden.squeeze(0), features["cu_seq_lens_q"].to("cpu", torch.int64)
        else:
            packed, offsets = pack(hidden, features["attention_mask"].bool())
        splade = _splade(self)
        splade.pooling, splade.activation = self.pooling_strategy, self.activation_function  # as they are set by now
        features["sentence_embedding"] = splade.pool(operand(packed, _half(packed)), offsets)
        return features


class FusedSparseEncoder(SparseEncoder):
    """A SparseEncoder with fused modules; folders that it writes are those of the stock modules.

    divided: whether its head was divided since its folder or hub id was read.
    """

    divided = False

    def save(self, path: str, *arguments: Any, **options: Any) -> None:
        """As the stock method."""
        with as_stock(self):
            SparseEncoder.save(self, path, *arguments, **options)

    def add_adapter(self, *arguments: Any, **options: Any) -> None:
        """As the stock method.

        Raises:
            UserError: the head was divided, which a saved adapter would not say of the model that it belongs to.
        """
        if self.divided:
            raise UserError(
                "an adapter is saved without the model that it belongs to, whose head is not divided where it came "
                "from; save_pretrained this model to a folder first, and add the adapter to sparse_encoder(FOLDER)"
            )
        super().add_adapter(*arguments, **options)


def fuse(model: SparseEncoder) -> None:
    """Fuse every Transformer that feeds a SpladePooling, in a route of a Router too; the others stay.

    Raises:
        UserError: see `fusable`. The model is then unchanged.
    """
    for transformer, pooling in fusable(model):
        if not isinstance(transformer, FusedTransformer):  # routes may share it
            _turn(transformer, FusedTransformer, SpladeModel(transformer.model))
        if not isinstance(pooling, FusedPooling):
            pooling.embedding_dimension = len(_splade(transformer).head.weight)
            _turn(pooling, FusedPooling, _splade(transformer))
    model.__class__ = FusedSparseEncoder


def fusable(model: SparseEncoder) -> list[tuple[Transformer, SpladePooling]]:
    """The pairs of a Transformer and the SpladePooling after it.

    Raises:
        UserError: there is none, or one has a class or a head that is not known here.
    """
    if type(model) not in (SparseEncoder, FusedSparseEncoder):
        raise UserError(f"a SparseEncoder of sentence-transformers is expected, found {type(model).__name__}")
    pairs = [pair for sequence in _sequences(model) for pair in pairwise(sequence)]
    chosen = [pair for pair in pairs if isinstance(pair[1], SpladePooling)]
    if not chosen:
        kinds = ", ".join(type(module).__name__ for module in model.children())
        raise UserError(
            f"the model has the modules {kinds}: expected a Transformer with a language-model head and a SpladePooling "
            "after it; a dense model, a cross-encoder or a sparse autoencoder has no head to fuse"
        )
    shared = {id(first) for first, second in pairs if not isinstance(second, SpladePooling)}
    partners: dict[int, int] = {}
    for one, other in [*chosen, *((pooling, transformer) for transformer, pooling in chosen)]:
        if id(one) in shared or partners.setdefault(id(one), id(other)) != id(other):
            raise UserError(
                "routes share a Transformer or a SpladePooling without sharing the other: expected pairs of their own; "
                "use the model with its stock modules"
            )
    return [_checked(transformer, pooling) for transformer, pooling in chosen]


def mark_divided(model: Any) -> None:
    """Note that the head of a SparseEncoder was divided in memory."""
    model.divided = True


@contextmanager
def as_stock(model: SparseEncoder) -> Iterator[None]:
    """The model with its stock modules, which give logits; fused again at the end."""
    for module in model.modules():
        stock = vars(module).pop("_stock", None)
        if stock is not None:
            splade = _splade(module)
            splade.restore_decoder()
            del module._fused
            module.__class__ = stock
    model.__class__ = SparseEncoder
    try:
        yield
    finally:
        fuse(model)


def _sequences(model: nn.Module) -> Iterator[Sequence[Any]]:
    """Modules that are called one after another: those of the model and of every route."""
    yield list(model.children())
    for module in model.modules():
        if isinstance(module, Router):
            routes: Any = module.sub_modules
            yield from map(list, routes.values())


def _checked(transformer: nn.Module, pooling: SpladePooling) -> tuple[Transformer, SpladePooling]:
    if type(transformer) not in (Transformer, MLMTransformer, FusedTransformer):
        raise UserError(
            f"module {type(transformer).__name__}: expected sentence-transformers' own Transformer before the pooling, "
            "since what another one computes is not known here; use the model with its stock modules"
        )
    if type(pooling) not in (SpladePooling, FusedPooling):
        raise UserError(f"module {type(pooling).__name__}: expected sentence-transformers' own SpladePooling")
    module: Any = transformer
    text = module.modality_config.get("text", {})
    if (text.get("method"), text.get("method_output_name")) != ("forward", "logits") or module.backend != "torch":
        raise UserError(
            f"the model's Transformer gives {text.get('method_output_name')!r} by {module.backend}: expected the "
            "logits of a language model in torch"
        )
    locate_head(module.model)
    return module, pooling


def _turn(module: Any, kind: type[nn.Module], splade: SpladeModel) -> None:
    """Give a module a class, and the model whose head it shares: in a tuple, its parameters belong elsewhere."""
    module._stock, module._fused = type(module), (splade,)
    module.__class__ = kind


def _splade(module: Any) -> SpladeModel:
    (splade,) = module._fused
    found: SpladeModel = splade
    return found


@contextmanager
def _answers(table: nn.Module, asked: Tensor, answer: Tensor) -> Iterator[None]:
    """A token embedding that has its answer to one question already; any other it works out as ever."""
    own = table.forward

    def forward(ids: Tensor) -> Tensor:
        found: Tensor = answer if ids is asked else own(ids)
        return found

    before = vars(table).get("forward")
    vars(table)["forward"] = forward
    try:
        yield
    finally:
        vars(table).pop("forward")
        if before is not None:
            vars(table)["forward"] = before


def _lengths(mask: Tensor) -> Tensor:
    """[B] on the CPU: tokens up to the last real one of every text, 1 at least; so L for all padded on the left."""
    places = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    return (mask * places).amax(1).clamp(min=1).cpu()


def _half(hidden: Tensor) -> bool:
    """Whether the model computes in bfloat16: its weights are, or this is an autocast region."""
    kind = hidden.device.type
    cast = torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind) == torch.bfloat16
    return hidden.dtype == torch.bfloat16 or cast
