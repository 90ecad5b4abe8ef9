"""A multiplier that is trained: gradients against dense autograd, and the function of what is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rescalade.config import build_config
from rescalade.errors import UserError
from rescalade.models.locate import locate_head
from rescalade.rescaling.divide import apply, refused
from rescalade.rescaling.multiplier import bake, learn
from rescalade.splade.model import SpladeModel
from rescalade.training.settings import TrainSettings
from rescalade.variants import Variant
from support.families import FORMS, tiny_form
from support.graph import SMALL
from support.training import run

IDS = torch.arange(3, 35).reshape(2, 16)
ALL = torch.ones_like(IDS)
SCALE, LEARNT = 4.0, 0.4


def term_weights(logits: Tensor) -> Tensor:
    return torch.log(1 + logits.clamp_min(0)).amax(1)


def backward(weights: Tensor) -> None:
    """Of a loss in which every term weight counts otherwise."""
    upstream = torch.linspace(-1, 2, weights.numel(), dtype=weights.dtype).reshape(weights.shape)
    (weights * upstream).sum().backward()


@pytest.mark.parametrize("divide_bias", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_gradients_are_those_of_dense_autograd_and_the_function_is_saved(form: str, divide_bias: bool) -> None:
    """The undivided model's own logits times a factor, or their part without the bias times it."""
    model, plain = tiny_form(form).double(), tiny_form(form).double()
    head = locate_head(plain)
    bias = head.bias
    variant = Variant(SCALE, "multiplier", divide_bias)
    if refused(head, variant) is not None or (not divide_bias and head.soft_cap is not None and bias is not None):
        pytest.skip(f"{form} has no such multiplier")
    apply(model, variant)
    splade = SpladeModel(model)
    factor = learn(splade.head)
    assert factor.item() == 1 / SCALE
    with torch.no_grad():
        factor.fill_(LEARNT)
    other = torch.tensor(factor.item(), dtype=torch.float64, requires_grad=True)
    found = splade(IDS, ALL, ALL.bool())
    logits = plain(input_ids=IDS, attention_mask=ALL).logits
    kept = 0.0 if divide_bias or bias is None else bias
    expected = term_weights((logits - kept) * other + kept)
    torch.testing.assert_close(found, expected)
    backward(found)
    backward(expected)
    close = (
        {"rtol": 1e-5, "atol": 1e-6} if head.family.norm_offset else {"rtol": 1e-9, "atol": 1e-12}
    )  # norms in float32
    torch.testing.assert_close(factor.grad, other.grad.to(factor.dtype), rtol=1e-5, atol=1e-6)
    for name, parameter in plain.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(model.get_parameter(name).grad, parameter.grad, msg=name, **close)
    splade.restore_decoder()
    bake(model)
    assert model.state_dict().keys() == plain.state_dict().keys()
    saved = term_weights(model(input_ids=IDS, attention_mask=ALL).logits)
    torch.testing.assert_close(saved, expected, **close)


def test_sums_are_bent_by_the_cap_that_the_factor_carries() -> None:
    """Gemma's soft cap is a part of the logits, so a factor that has moved moves it too."""
    model, plain = tiny_form("gemma2").double(), tiny_form("gemma2").double()
    apply(model, Variant(SCALE, "multiplier"))
    splade = SpladeModel(model, pooling="sum")
    factor = learn(splade.head)
    with torch.no_grad():
        factor.fill_(LEARNT)
    other = torch.tensor(factor.item(), dtype=torch.float64, requires_grad=True)
    found = splade(IDS, ALL, ALL.bool())
    logits = plain(input_ids=IDS, attention_mask=ALL).logits
    expected = torch.log(1 + (logits * other).clamp_min(0)).sum(1)
    torch.testing.assert_close(found, expected)
    backward(found)
    backward(expected)
    torch.testing.assert_close(factor.grad, other.grad.to(factor.dtype), rtol=1e-5, atol=1e-6)


def test_it_is_trained_and_goes_on_where_it_was(tmp_path: Path) -> None:
    """A run that is taken up again ends where the unbroken one does."""

    def divided() -> SpladeModel:
        model = tiny_form("bert")
        apply(model, Variant(SCALE, "multiplier"))
        return SpladeModel(model)

    settings = TrainSettings(
        batch_size=4, max_steps=6, learning_rate=1e-2, checkpoint_every=2, warmup_steps=0, train_multiplier=True
    )
    _, weights = run(tmp_path / "whole", settings, model=divided())
    (name,) = [name for name in weights if name.endswith("_rescalade_factor")]
    assert abs(float(weights[name]) - 1 / SCALE) > 1e-3

    class StoppedError(Exception):
        pass

    def stop(done: int, *_: Any) -> None:
        if done == 5:
            raise StoppedError

    with pytest.raises(StoppedError):
        run(tmp_path / "broken", settings, model=divided(), progress=stop)
    _, again = run(tmp_path / "broken", settings, model=divided())
    for key, value in weights.items():
        assert torch.equal(again[key], value), key
    with pytest.raises(UserError, match="train_multiplier: the logits of this model are not multiplied"):
        run(tmp_path / "none", settings, model=SpladeModel(tiny_form("bert")))


@pytest.mark.parametrize("place", ["over", "recipe", "other recipe"])
def test_a_grid_whose_variants_have_none_is_refused(place: str) -> None:
    import yaml

    values = yaml.safe_load(SMALL)
    block: dict[str, Any] = {"backbones": ["left"], "scales": [4], "modes": ["multiplier", "untied"]}
    if place == "over":
        block["over"] = {"train_multiplier": [False, True]}
    elif place == "recipe":
        values["recipes"]["quick"]["train"] = {"train_multiplier": True}
    else:
        values["recipes"]["other"] = {"train": {"train_multiplier": True}}
        block["over"] = {"recipe": ["other"]}
    values["experiments"] = {"small": {**values["experiments"]["small"], "grid": [block]}}
    with pytest.raises(UserError, match=r"variant k4-untied(\+\S+)? of left is to train its multip"):
        build_config(values)
    block["modes"] = ["multiplier"]
    assert len(build_config(values).runs()) > 0
