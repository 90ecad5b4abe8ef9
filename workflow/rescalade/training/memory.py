"""Bytes that training takes, from the sizes of a model and the settings alone."""

from __future__ import annotations

from dataclasses import dataclass

from rescalade.training.settings import TrainSettings

ADAM_BYTES, GRADIENT_BYTES = 8, 4
"""Per weight that is trained: two moments; its gradient. All float32."""
HELD_BYTES = {"fp32": 4, "bf16": 2}
"""Of a weight."""
BERT_LAYER = {"fp32": 72, "bf16": 50}
"""Per token, layer and unit of width, kept for the backward pass of a BERT layer, its attention matrices apart.
Autocast keeps norms and residuals in float32: it saves less than half."""
GATED_LAYER = {"fp32": (32, 16, 8), "bf16": (35, 8, 4), "thrifty": (16, 8, 8)}
"""The same of a Llama layer: for each unit of the width, of the feed-forward block, and of keys and values. thrifty:
with adapters, in float32 on a CPU (`rescalade.models.thrifty`)."""
DROPPED = {"fp32": 5, "bf16": 3.5, "thrifty": 0.125}
"""Per token and unit that an adapter reads after dropout: what is left of it, and the mask; thrifty: a bit of this."""
INPUT_BYTES = {"fp32": 4, "bf16": 2}
"""Per token, layer and unit of width where a layer's input alone is kept, by the type of the frozen weights."""
BERT_OUTER, GATED_OUTER = 36, 9
"""Per token and unit of width: embeddings, the transform before the decoder, its packed output."""
MATRIX_BYTES = 12
"""Per layer, head, token and token of the same text, where attention keeps its matrices."""
POOLING_BYTES = {"relu": 18, "log1p_relu": 26}
"""Per (text, term): weight, winner, and the gradients on the way back; weight and gradient of a second logarithm."""


@dataclass(frozen=True)
class Sizes:
    """A model as training sees it.

    width: D. inner: of the feed-forward block. heads: of attention; keys: width of all its keys, and of its values.
    vocabulary: V. trained: number of weights that change. frozen: bytes of those that do not. read: units that
    adapters of a layer read, 0 without dropout in them. gated: whether layers are Llama's, else BERT's. matrices:
    whether attention keeps its matrices. thrifty: whether layers with adapters keep less.
    """

    layers: int
    width: int
    inner: int
    heads: int
    keys: int
    vocabulary: int
    trained: int
    frozen: int = 0
    read: int = 0
    gated: bool = False
    matrices: bool = False
    thrifty: bool = False


@dataclass(frozen=True)
class Share:
    """What one device does of a step.

    rows: queries whose texts it encodes, of so many with all `parts` devices that share a batch. negatives: per query.
    batches: that it works on one after another. query, document: longest texts in tokens.
    """

    rows: int
    parts: int
    negatives: int
    batches: int
    query: int
    document: int

    @property
    def texts(self) -> int:
        """Queries and documents that it encodes."""
        return self.rows * (2 + self.negatives)


@dataclass(frozen=True)
class Memory:
    """Bytes at the largest. states: weights, gradients and optimiser; encoder and pooling: of a batch on its way."""

    states: int
    encoder: int
    pooling: int

    @property
    def all(self) -> int:
        """Their sum."""
        return self.states + self.encoder + self.pooling


def memory_of(sizes: Sizes, settings: TrainSettings, share: Share, heap: float, cast: int = 0) -> Memory:
    """Estimate what a device needs.

    Args:
        heap: memory of a process over what its tensors take.
        cast: bytes of a weight of W in a copy that the pooling multiplies with, 0 where it takes W itself.
    """
    at_once = min(settings.encode_rows or share.texts, share.texts)
    in_pieces = at_once < share.texts
    head, vocabulary = sizes.vocabulary * sizes.width, sizes.vocabulary
    pooling = POOLING_BYTES[settings.activation] * at_once * vocabulary + cast * head
    if settings.lora is None:
        # each pass makes a gradient of W, which is then added to what is there of it
        pooling += GRADIENT_BYTES * head * (2 if in_pieces else 1)
    pooling += 8 * share.texts * vocabulary if in_pieces else 0  # all term weights and their gradients
    pooling += 4 * share.texts * share.parts * vocabulary if share.parts > 1 else 0
    sides = [(share.rows, share.query), (share.rows * (1 + share.negatives), share.document)]
    if in_pieces:
        sides = [(at_once, max(share.query, share.document))]
    encoder = sum(_activations(sizes, settings, texts, length) for texts, length in sides)
    # gradients come while activations go; those of an earlier pass of the same step are there from the start
    several = in_pieces or share.batches > 1 or encoder + pooling < GRADIENT_BYTES * sizes.trained
    per_weight = HELD_BYTES["fp32"] + ADAM_BYTES + (GRADIENT_BYTES if several else 0)
    return Memory(sizes.frozen + per_weight * sizes.trained, int(heap * encoder), int(heap * pooling))


def _activations(sizes: Sizes, settings: TrainSettings, texts: int, length: int) -> float:
    """Bytes that the encoder keeps for the backward pass of some texts of some length."""
    tokens, precision = texts * length, settings.precision
    kind = "thrifty" if sizes.thrifty else precision
    layer: float
    if sizes.gated:
        of_width, of_inner, of_keys = GATED_LAYER[kind]
        layer = of_width * sizes.width + of_inner * sizes.inner + of_keys * sizes.keys
    else:
        layer = BERT_LAYER[precision] * sizes.width
    layer += DROPPED[kind] * sizes.read
    matrices = MATRIX_BYTES * sizes.heads * length if sizes.matrices else 0
    outer = (GATED_OUTER if sizes.gated else BERT_OUTER) * sizes.width
    if not settings.gradient_checkpointing:
        return tokens * (sizes.layers * (layer + matrices) + outer)
    kept = INPUT_BYTES["fp32" if settings.lora is None else settings.lora.frozen_weights] * sizes.width
    return tokens * (sizes.layers * kept + layer + matrices + outer)  # one layer at a time is there whole
