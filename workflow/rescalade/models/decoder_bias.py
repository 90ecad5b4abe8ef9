"""A decoder bias for heads that transformers builds without one, and its way back from a checkpoint.

Llama's head and its kin are h Wᵀ alone, so they cannot hold an offset of each term. Here their Linear layer gets a bias
like any other head's: it trains, is divided and is saved as a weight of the model, and config.json says that it is
there, by which `load_lm` builds the model with it. transformers by itself reports the weight as unexpected and leaves
it out, so a folder is not made up for programs that load it that way (`rescalade.models.sparse_encoder_files`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from rescalade.models.locate import locate_head

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

KEY = "rescalade_decoder_bias"
"""In config.json: true where the decoder has a bias that its architecture does not have."""


def give_bias(model: PreTrainedModel) -> nn.Parameter:
    """The decoder's bias [V]; a decoder that has none gets zeros, in the type and on the device of W."""
    head = locate_head(model)
    if head.bias is not None:
        return head.bias
    setattr(model.config, KEY, True)
    return head.projection.add_bias()


def has_given_bias(config: PreTrainedConfig) -> bool:
    """Whether a model's decoder has a bias that transformers does not build, and so does not load."""
    return getattr(config, KEY, False) is True


def class_with_bias(config: PreTrainedConfig) -> type[PreTrainedModel]:
    """The class that config.json names, building its decoder with a bias; see `plain_class`."""
    import transformers

    base: type[PreTrainedModel] = getattr(transformers, (config.architectures or ["none"])[0])

    class WithBias(base):  # type: ignore[misc,valid-type]
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            give_bias(self)

    # by these transformers looks up how a checkpoint calls the weights
    WithBias.__name__, WithBias.__module__ = base.__name__, base.__module__
    return WithBias


def plain_class(model: PreTrainedModel) -> None:
    """Give a model of `class_with_bias` its usual class again: it differs by the parameter alone, once built."""
    model.__class__ = type(model).__mro__[1]
