"""Quantises the linear layers of a loaded model for encoding; W of the head, embeddings and norms stay as they are."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from rescalade.errors import UserError
from rescalade.models.splade_config import Precision
from rescalade.quantisation import Quantisation
from rescalade.splade.model import SpladeModel

logger = logging.getLogger(__name__)

GROUPS = (128, 64, 32)
"""Weights that share a scale and a zero point in 4 bits, by preference: the first that divides a layer's width."""
CPU_ROWS = 16
"""The CPU's kernel for 4 bits takes layers with a multiple of so many outputs."""

Replace = Callable[[nn.Linear, str], nn.Module]
"""A layer and its device to the layer that takes its place, which may be itself."""


def quantise(model: SpladeModel, how: Quantisation, precision: Precision, device: str) -> None:
    """Quantise every linear layer but the decoder in place and leave it on the device; the rest is not moved.

    int8-weight: w = s q with q = round(w / s) in int8 and s = max |w| / 127.5 of each output. int8-dynamic: the inputs
    of each token likewise, as they come. int4-weight: 16 levels between the least and the largest weight of every group
    of GROUPS. bnb-int8: LLM.int8() (arXiv 2208.07339), whose columns of outlying activations are multiplied in 16 bits.
    bnb-int4: 16 levels by quantiles, NF4 (arXiv 2305.14314).

    Layers compute in `precision`. Weights become that type before they are quantised, as autocast has it.

    Args:
        device: cpu, cuda or cuda:N.

    Raises:
        UserError: the package is missing; bitsandbytes without a GPU; 4 bits in float32 on a GPU; or no layer has a
            shape that can be quantised so.
    """
    if how == "none":
        return
    check_quantisation(how, precision, device)
    replace = _bitsandbytes(how, precision) if how.startswith("bnb-") else _torchao(how)
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    parts = {id(part) for part in model.head.projection.parts}
    layers = [
        (name, module)
        for name, module in model.masked_lm.named_modules()
        if type(module) is nn.Linear and id(module.weight) not in parts
    ]
    fitting = [(name, layer) for name, layer in layers if _fits(layer, how, device)]
    if not fitting:
        raise UserError(
            f"retrieval.quantise {how}: none of the model's {len(layers)} linear layers has a shape that it takes "
            f"(inputs in multiples of {GROUPS[-1]}{f', outputs of {CPU_ROWS}' if device == 'cpu' else ''}); choose "
            "int8-weight"
        )
    if len(fitting) < len(layers):
        logger.warning("%s: %d of %d linear layers do not fit and stay", how, len(layers) - len(fitting), len(layers))
    for name, layer in fitting:
        layer.requires_grad_(False)
        layer.to(kind)
        made = replace(layer, device)
        made.register_forward_pre_hook(_cast(kind))
        if made is not layer:
            above, _, last = name.rpartition(".")
            setattr(model.masked_lm.get_submodule(above), last, made)


def check_quantisation(how: Quantisation, precision: Precision, device: str) -> None:
    """Refuse what this machine cannot do, before a model is loaded.

    Raises:
        UserError: see `quantise`.
    """
    if how == "none":
        return
    package = "bitsandbytes" if how.startswith("bnb-") else "torchao"
    if package == "bitsandbytes" and not device.startswith("cuda"):
        raise UserError(
            f"retrieval.quantise {how}: bitsandbytes needs a CUDA device, there is none; choose int8-weight"
        )
    if find_spec(package) is None:
        extra = "gpu" if package == "bitsandbytes" else "csplade"
        raise UserError(f"retrieval.quantise {how}: the package {package} is missing; pip install 'rescalade[{extra}]'")
    if how == "int4-weight" and precision == "fp32" and device.startswith("cuda"):
        raise UserError("retrieval.quantise int4-weight: a GPU computes it in bf16 only; set retrieval.precision: bf16")


def _fits(layer: nn.Linear, how: Quantisation, device: str) -> bool:
    if how != "int4-weight":
        return True
    return _group(layer) > 0 and (device != "cpu" or layer.out_features % CPU_ROWS == 0)


def _group(layer: nn.Linear) -> int:
    return next((size for size in GROUPS if layer.in_features % size == 0), 0)


def _cast(kind: torch.dtype) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Tensor, ...]]:
    """Autocast does not see into quantised weights, so that the layer's input takes their type here."""

    def cast(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(tensor.to(kind) for tensor in inputs)

    return cast


def _torchao(how: Quantisation) -> Replace:
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, Int8WeightOnlyConfig, quantize_

    def config(layer: nn.Linear, device: str) -> Any:
        # torch.compile's settings are the caller's: nothing global is changed
        if how == "int8-weight":
            return Int8WeightOnlyConfig(set_inductor_config=False)
        if how == "int8-dynamic":
            return Int8DynamicActivationInt8WeightConfig(set_inductor_config=False)
        if device == "cpu":
            from torchao.prototype.quantization.int4 import PrototypeInt4WeightOnlyConfig

            return PrototypeInt4WeightOnlyConfig(group_size=_group(layer), set_inductor_config=False)
        from torchao.quantization import Int4WeightOnlyConfig

        return Int4WeightOnlyConfig(
            group_size=_group(layer), int4_packing_format="tile_packed_to_4d", set_inductor_config=False
        )

    def replace(layer: nn.Linear, device: str) -> nn.Module:
        quantize_(layer, config(layer, device), device=device)
        return layer

    return replace


def _bitsandbytes(how: Quantisation, precision: Precision) -> Replace:
    import bitsandbytes

    kind = torch.bfloat16 if precision == "bf16" else torch.float32

    def replace(layer: nn.Linear, device: str) -> nn.Module:
        shape = (layer.in_features, layer.out_features, layer.bias is not None)
        if how == "bnb-int8":
            made = bitsandbytes.nn.Linear8bitLt(*shape, has_fp16_weights=False, threshold=6.0)
            weight = bitsandbytes.nn.Int8Params(layer.weight.data, requires_grad=False, has_fp16_weights=False)
        else:
            made = bitsandbytes.nn.Linear4bit(*shape, compute_dtype=kind, quant_type="nf4")
            weight = bitsandbytes.nn.Params4bit(layer.weight.data, requires_grad=False, quant_type="nf4")
        made.weight, made.bias = weight, layer.bias
        moved: nn.Module = made.to(device)  # quantises on the way
        return moved

    return replace


def weight_bytes(model: nn.Module) -> int:
    """Bytes of all parameters and buffers, each storage once, quantised weights by their codes and scales."""
    seen: dict[int, int] = {}

    def count(tensor: Tensor) -> None:
        inner = getattr(tensor, "__tensor_flatten__", None)
        if inner is not None and type(tensor) not in (Tensor, nn.Parameter):
            for name in inner()[0]:
                count(getattr(tensor, name))
            return
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        state = getattr(tensor, "quant_state", None) or getattr(tensor, "SCB", None)
        for part in (getattr(state, "absmax", None), state if isinstance(state, Tensor) else None):
            if isinstance(part, Tensor):
                seen[part.untyped_storage().data_ptr()] = part.untyped_storage().nbytes()

    for tensor in (*model.parameters(), *model.buffers()):
        count(tensor)
    return sum(seen.values())
