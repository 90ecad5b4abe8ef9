"""Training of adapters: their gradient by dense autograd, what a checkpoint holds, and runs that go on exactly."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor
from torch.func import functional_call

from rescalade.errors import UserError
from rescalade.models.lora import add_adapters
from rescalade.models.lora_settings import LoraSettings
from rescalade.splade.model import SpladeModel
from rescalade.training.settings import TrainSettings
from support.families import tiny_form
from support.training import run, without_time

LORA = LoraSettings(rank=3, alpha=5, dropout=0.1)
SETTINGS = TrainSettings(
    batch_size=4, max_steps=6, learning_rate=1e-2, checkpoint_every=2, lora=LORA, gradient_checkpointing=True
)


def adapted(lora: LoraSettings = LORA, form: str = "llama, tied") -> SpladeModel:
    model = tiny_form(form)
    add_adapters(model, lora, seed=1)
    return SpladeModel(model)


def test_gradients_are_those_of_dense_matrices_summed_from_their_parts() -> None:
    """The same loss from all logits of a plain model, whose matrices are functions of A and B."""
    lora = LORA.model_copy(update={"dropout": 0.0})
    model = adapted(lora)
    parts = {name: p for name, p in model.masked_lm.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for part in parts.values():
            part.normal_(std=0.2)
    ids = torch.tensor([[5, 9, 21, 7], [33, 8, 6, 0]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    upstream = torch.randn(2, 60, generator=torch.Generator().manual_seed(0))
    (model(ids, mask, mask.bool()) * upstream).sum().backward()

    plain = tiny_form("llama, tied")
    own: dict[str, Tensor] = {name: p.detach().clone().requires_grad_() for name, p in parts.items()}
    matrices = {}
    for name in own:
        if ".lora_A." in name:
            layer = name.removesuffix(".lora_A.default.weight")
            change = own[f"{layer}.lora_B.default.weight"] @ own[name]
            matrices[f"{layer}.weight"] = plain.get_parameter(f"{layer}.weight").detach() + 5 / 3 * change
    logits = functional_call(plain, matrices, (), {"input_ids": ids, "attention_mask": mask}).logits
    dense = torch.log1p(logits.relu()).masked_fill(mask[..., None] == 0, 0.0).amax(1)
    expected = torch.autograd.grad((dense * upstream).sum(), list(own.values()))
    for (name, part), gradient in zip(parts.items(), expected, strict=True):
        assert part.grad is not None
        torch.testing.assert_close(part.grad, gradient, rtol=1e-4, atol=1e-5, msg=name)
    assert all(p.grad is None for p in model.parameters() if not p.requires_grad)


@pytest.mark.parametrize("stop_after", [1, 3, 5])
def test_a_killed_run_ends_with_the_same_bits_and_its_checkpoint_holds_adapters_alone(
    stop_after: int, tmp_path: Path
) -> None:
    def stop(done: int, total: int, row: dict[str, float]) -> None:
        if done == stop_after:
            raise KeyboardInterrupt

    whole, weights = run(tmp_path / "whole", SETTINGS, model=adapted())
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "broken", SETTINGS, model=adapted(), progress=stop)
    for path in (tmp_path / "broken").glob("*/tensors.safetensors"):
        with safe_open(path, "pt") as file:
            names = set(file.keys())
            size = sum(file.get_tensor(name).nbytes for name in names)
        free = {name for name, p in adapted().named_parameters() if p.requires_grad}
        assert {name for name in names if name.startswith("model.")} == {f"model.{name}" for name in free}
        of_adapters = sum(p.nbytes for p in adapted().parameters() if p.requires_grad)
        assert size == 3 * of_adapters + 4 * len(free)  # and two moments, and a count of steps each
    again, resumed = run(tmp_path / "broken", SETTINGS, model=adapted())
    assert without_time(whole.history) == without_time(again.history)
    assert all(torch.equal(weights[name], resumed[name]) for name in weights)
    before = adapted().state_dict()
    moved = {name for name, value in weights.items() if not torch.equal(value, before[name])}
    assert moved == {name for name in weights if ".lora_" in name}
    assert len({row["row_norm"] for row in whole.history}) == 1


def test_layers_that_are_computed_again_change_nothing(tmp_path: Path) -> None:
    kept = SETTINGS.model_copy(update={"gradient_checkpointing": False})
    first, weights = run(tmp_path / "a", SETTINGS, model=adapted())
    second, others = run(tmp_path / "b", kept, model=adapted())
    assert without_time(first.history) == without_time(second.history)
    assert all(torch.equal(weights[name], others[name]) for name in weights)


def test_a_model_type_without_it_is_refused(tmp_path: Path) -> None:
    settings, model = SETTINGS.model_copy(update={"lora": None}), tiny_form("fnet")
    model.supports_gradient_checkpointing = False
    with pytest.raises(UserError, match="gradient_checkpointing: transformers has none for fnet models"):
        run(tmp_path, settings, model=SpladeModel(model))


def test_frozen_weights_in_bf16_train_like_those_in_fp32(tmp_path: Path) -> None:
    """Autocast rounds them anyway; what differs is the stream between the layers, which is then bf16 too."""
    found = []
    for kind in ("fp32", "bf16"):
        lora = LORA.model_copy(update={"frozen_weights": kind, "dropout": 0.0})
        settings = SETTINGS.model_copy(update={"lora": lora, "precision": "bf16"})
        trained, _ = run(tmp_path / kind, settings, model=adapted(lora))
        found.append([row["loss"] for row in trained.history])
    assert found[0] != found[1]
    assert found[0] == pytest.approx(found[1], rel=0.05)
    with pytest.raises(ValueError, match="frozen_weights: bf16 needs precision: bf16"):
        TrainSettings(lora=LoraSettings(frozen_weights="bf16"))
