"""Memory of a device that trains: what a run is going to take, before its backbone is there."""

from __future__ import annotations

from collections.abc import Sequence

from rescalade.config import Config
from rescalade.models.lora_settings import LoraSettings
from rescalade.pipeline.plan.shapes import Shape
from rescalade.training.memory import HELD_BYTES, Share, Sizes, memory_of
from rescalade.training.settings import TrainSettings
from rescalade.variants import Scalar

CUDA_HEAP = 1.05
"""Memory of a GPU over what its tensors take; see `rescalade.training.forecast`."""


def training_bytes(
    config: Config, recipe: str, backbone: str, shape: Shape, over: Sequence[tuple[str, Scalar]] = ()
) -> int:
    """Bytes that each GPU of a run of a backbone needs, roughly, texts as long as they may be."""
    train = config.train_settings(backbone, config.experiment_of(recipe), over)
    own = config.backbone(backbone).devices
    devices = config.recipe_named(recipe).devices if own is None else own
    gathered = train.loss == "infonce-gathered"
    batches, rows = (1, train.batch_size * train.accumulation) if gathered else (train.accumulation, train.batch_size)
    parts = max(1, devices // batches)
    copies = 2 if any(r.variant.reading == "echo" for r in config.runs() if r.backbone == backbone) else 1
    share = Share(
        rows=max(1, rows // parts),
        parts=parts,
        negatives=train.negatives,
        batches=max(1, batches // devices),
        query=copies * train.query_length,
        document=copies * train.document_length,
    )
    return memory_of(sizes_of(shape, train), train, share, heap=CUDA_HEAP).all


def sizes_of(shape: Shape, train: TrainSettings) -> Sizes:
    """A model that is known by its shape alone."""
    lora, keys = train.lora, shape.keys or shape.width
    read = sum(_into(shape, target) for target in lora.targets) if lora is not None and lora.dropout else 0
    return Sizes(
        layers=shape.layers,
        width=shape.width,
        inner=shape.inner,
        heads=1,
        keys=keys,
        vocabulary=shape.vocabulary,
        trained=shape.parameters if lora is None else adapter_weights(shape, lora),
        frozen=0 if lora is None else HELD_BYTES[lora.frozen_weights] * shape.parameters,
        read=read,
        gated=shape.plain,
    )


def adapter_weights(shape: Shape, lora: LoraSettings) -> int:
    """Weights of the adapters of a Llama; a layer of another name is taken for one of the model's width."""
    queries, keys = shape.queries or shape.width, shape.keys or shape.width
    out = {"q_proj": queries, "k_proj": keys, "v_proj": keys, "gate_proj": shape.inner, "up_proj": shape.inner}
    return shape.layers * lora.rank * sum(_into(shape, name) + out.get(name, shape.width) for name in lora.targets)


def _into(shape: Shape, target: str) -> int:
    return {"o_proj": shape.queries or shape.width, "down_proj": shape.inner}.get(target, shape.width)
