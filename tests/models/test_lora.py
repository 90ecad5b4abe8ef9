"""Adapters against sums of matrices worked out from their parts, before and after a model has been on disk."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedModel

from rescalade.backbones.local_files import local_source
from rescalade.errors import UserError
from rescalade.models.load import load_lm, load_tokenizer
from rescalade.models.locate import locate_head
from rescalade.models.lora import adapted_layers, add_adapters, merge_adapters
from rescalade.models.lora_settings import LoraSettings
from rescalade.rescaling import save
from rescalade.rescaling.save import check_saved, merge_verified
from support.families import tiny_form

BERT = ("query", "key", "value", "dense")
IDS = torch.arange(3, 13).view(2, 5)


def logits(model: PreTrainedModel) -> Tensor:
    with torch.no_grad():
        return model(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits  # type: ignore[no-any-return]


def changed(form: str, settings: LoraSettings) -> PreTrainedModel:
    """A model whose adapters do something, as after training."""
    model = tiny_form(form)
    add_adapters(model, settings, seed=3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.normal_(std=0.2)
    return model.eval()


def by_hand(model: PreTrainedModel, form: str) -> PreTrainedModel:
    """The same form with W + alpha / r B A in place of each W that has an adapter, summed in float64."""
    found, parts = tiny_form(form), dict(model.state_dict())
    weights = dict(found.named_parameters())
    with torch.no_grad():
        for name in [name for name in parts if name.endswith(".lora_A.default.weight")]:
            layer = name.removesuffix(".lora_A.default.weight")
            a, b = parts[name].double(), parts[f"{layer}.lora_B.default.weight"].double()
            base = parts[f"{layer}.base_layer.weight"].double()
            weights[f"{layer}.weight"].copy_(base + 6 / 4 * b @ a)
    return found


@pytest.mark.parametrize(
    ("form", "targets"),
    [
        ("llama, tied", LoraSettings().targets),
        ("qwen3", ("q_proj", "mlp.down_proj")),
        ("bert", BERT),
        ("modernbert", ("Wqkv", "Wi")),
    ],
)
def test_merged_and_unmerged_are_the_function_of_the_summed_matrices(
    form: str, targets: tuple[str, ...], tmp_path: Path
) -> None:
    model = changed(form, LoraSettings(rank=4, alpha=6, targets=targets))
    expected, tied = by_hand(model, form), locate_head(model).tied
    unmerged = logits(model)
    assert float((unmerged - logits(tiny_form(form))).abs().max()) > 0.05
    merge_verified(model)
    model.save_pretrained(tmp_path)
    check_saved(model, tmp_path)
    again = load_lm(tmp_path)
    for found in (unmerged, logits(model), logits(again)):
        torch.testing.assert_close(found, logits(expected), rtol=1e-5, atol=1e-5)  # float32 against float64
    assert not adapted_layers(model) and not hasattr(model, "peft_config")
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert {key.rpartition(".")[0] for key in load_file(tmp_path / "model.safetensors")} <= {
        name for name, _ in tiny_form(form).named_modules()
    }
    assert locate_head(again).tied == tied == again.config.tie_word_embeddings


def test_a_merged_model_is_refused_by_the_layer_that_gives_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    model = changed("llama, tied", LoraSettings(rank=4))
    wrong = model.get_submodule("model.layers.1.mlp.up_proj")
    monkeypatch.setattr(wrong, "get_delta_weight", lambda name: 1.01 * type(wrong).get_delta_weight(wrong, name))
    with pytest.raises(UserError, match=r"they change what model.layers.1.mlp.up_proj gives by .*, more than 0.0001"):
        merge_verified(model)


def test_a_layer_that_the_model_does_not_call_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a model multiplies with a layer's weights by itself: its adapter does nothing until it is merged."""
    model = changed("llama, tied", LoraSettings(rank=4))
    monkeypatch.setattr(model.get_submodule("model.layers.0.mlp"), "forward", lambda x: x)
    with pytest.raises(UserError, match=r"does not call its layer model.layers.0.mlp.\w+_proj, so the adapter there"):
        merge_verified(model)


@pytest.mark.parametrize(("noise", "refused"), [(1e-3, False), (0.03, True)])
def test_rounding_that_layers_carry_on_refuses_nothing(
    noise: float, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, own = changed("llama, tied", LoraSettings(rank=4)), save._logits
    factors = iter([1.0, 1 + noise])
    monkeypatch.setattr(save, "_logits", lambda asked: own(asked) * next(factors))
    if refused:
        with pytest.raises(UserError, match=r"they change the logits by 0\.03, more than 0\.01"):
            merge_verified(model)
    else:
        merge_verified(model)


@pytest.mark.parametrize("form", ["llama, tied", "bert", "neomme"])
def test_head_and_embeddings_are_never_touched(form: str) -> None:
    """In neomme one of the linear layers is tied to a part of the head: an adapter there would change both."""
    every = {"llama, tied": LoraSettings().targets, "bert": BERT, "neomme": ("q_proj", "down_proj")}[form]
    model = tiny_form(form)
    add_adapters(model, LoraSettings(rank=2, targets=every), seed=0)
    free = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert free and all(".lora_A." in name or ".lora_B." in name for name in free)
    below = [name for name in free if name.startswith(locate_head(model).family.weights)]
    assert not below
    torch.testing.assert_close(logits(model.eval()), logits(tiny_form(form)), rtol=0, atol=0)  # B begins at 0
    for target in ("lm_head", "decoder", "embedding_projection", "transform.dense"):
        with pytest.raises(UserError, match=r"lora.targets: .* is no linear layer below the head"):
            add_adapters(tiny_form(form), LoraSettings(targets=(target,)), seed=0)


def test_a_target_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UserError) as refused:
        add_adapters(tiny_form("bert"), LoraSettings(), seed=0)
    assert str(refused.value) == (
        "lora.targets: 'q_proj' is no linear layer below the head of this bert model; "
        "there are dense, key, query, value"
    )


@pytest.mark.parametrize("kind", ["fp32", "bf16"])
def test_frozen_matrices_in_bf16_are_rounded_once_and_merged_in_float32(kind: Literal["fp32", "bf16"]) -> None:
    settings = LoraSettings(rank=4, alpha=6, frozen_weights=kind)
    model = changed("llama, tied", settings)
    frozen = {name: p for name, p in model.named_parameters() if not p.requires_grad}
    halved = {name for name, p in frozen.items() if p.dtype == torch.bfloat16}
    assert halved == ({name for name, p in frozen.items() if p.ndim > 1} if kind == "bf16" else set())
    assert model.lm_head.weight is model.model.embed_tokens.weight
    expected = by_hand(copy.deepcopy(model), "llama, tied").model.layers[1].mlp.down_proj.weight
    merge_adapters(model)
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    torch.testing.assert_close(model.model.layers[1].mlp.down_proj.weight, expected, rtol=1e-6, atol=1e-6)


def test_the_same_seed_gives_the_same_adapters() -> None:
    first, second, other = (tiny_form("llama") for _ in range(3))
    state = torch.get_rng_state()
    for model, seed in ((first, 1), (second, 1), (other, 2)):
        add_adapters(model, LoraSettings(rank=2), seed)
    assert torch.equal(torch.get_rng_state(), state)
    name = "model.layers.0.self_attn.q_proj.lora_A.default.weight"
    assert torch.equal(first.get_parameter(name), second.get_parameter(name))
    assert not torch.equal(first.get_parameter(name), other.get_parameter(name))


def test_an_adapter_folder_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "meta-llama/Llama-3.2-1B"}')
    for load in (load_lm, load_tokenizer):
        with pytest.raises(UserError) as refused:
            load(tmp_path)
        assert str(refused.value).startswith(f"model {tmp_path}: it holds an adapter of meta-llama/Llama-3.2-1B")
        assert "merge_and_unload" in str(refused.value)
    with pytest.raises(UserError, match="holds an adapter of meta-llama/Llama"):
        local_source(str(tmp_path))
