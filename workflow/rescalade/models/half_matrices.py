"""Loading the matrices of a model in bf16 and its vectors, norms and biases, in float32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


def with_vectors_in_float32(loader: Any, config: PreTrainedConfig) -> type[PreTrainedModel]:
    """The class that `loader` would build, with vectors that are float32 whatever type it is loaded in.

    transformers loads every weight in the type that it has in the model as built, before there is memory behind it.

    Args:
        loader: one of transformers' Auto classes, or a model class.
    """
    from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING, AutoModelForMaskedLM

    base = loader
    if not isinstance(getattr(loader, "base_model_prefix", None), str):
        known = MODEL_FOR_MASKED_LM_MAPPING if loader is AutoModelForMaskedLM else MODEL_FOR_CAUSAL_LM_MAPPING
        base = known[type(config)]

    class HalfMatrices(base):  # type: ignore[misc,valid-type]
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            for parameter in self.parameters():
                if parameter.ndim < 2:
                    parameter.data = parameter.data.float()

    # by these transformers looks up how a checkpoint calls the weights
    HalfMatrices.__name__, HalfMatrices.__module__ = base.__name__, base.__module__
    return HalfMatrices


def halve_matrices(model: PreTrainedModel) -> None:
    """Round the matrices of a model to bf16, in place."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data = parameter.data.bfloat16()
