"""A batch without padding, against the same model that reads it with padding and a mask."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from rescalade.models.families import FAMILIES
from rescalade.splade import packed_inputs, unpadded
from rescalade.splade.model import SpladeModel
from support.families import tiny_form

CAUSAL = [kind for kind, family in FAMILIES.items() if family.causal]
MASK = torch.tensor([[1, 1, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0], [0] * 6])
IDS = torch.arange(5, 35).view(5, 6) * MASK


def features(mask: Tensor = MASK, pooled: Tensor | None = None) -> dict[str, Tensor]:
    return {"input_ids": IDS, "attention_mask": mask, "pooled": mask.bool() if pooled is None else pooled}


def model(kind: str, *, both_ways: bool = False, **settings: Any) -> SpladeModel:
    """Rows of the layers far from each other, so that a wrong position or neighbour shows."""
    found = tiny_form(kind)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in found.parameters():
            if parameter.ndim == 2:
                parameter.normal_(0, 0.4)
    if both_ways:
        found.config.is_causal = False
    found.config.update(settings)
    return SpladeModel(found.eval())


def padded(splade: SpladeModel, mask: Tensor, pooled: Tensor) -> list[Tensor]:
    """Hidden states of the pooled positions of each text, by the model's own forward."""
    hidden = splade.masked_lm(input_ids=IDS, attention_mask=mask, use_cache=False).logits
    return [rows[keep] for rows, keep in zip(hidden, pooled.bool(), strict=True)]


@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("kind", CAUSAL)
def test_hidden_states_and_gradients_are_those_of_the_padded_batch(kind: str, both_ways: bool) -> None:
    splade = model(kind, both_ways=both_ways)
    pooled = MASK.bool() & (torch.arange(6) != 1)  # a prompt, say, that is not pooled
    results, gradients = [], []
    expected = padded(splade, MASK, pooled)
    packed, offsets = packed_inputs.packed_inputs(splade, features(pooled=pooled), half=False, encoding=True)
    assert offsets.tolist() == [0, 2, 3, 8, 10, 10]
    for found in (packed, torch.cat(expected)):
        splade.zero_grad()
        (found.double() ** 2).sum().backward()
        results.append(found.detach())
        gradients.append(torch.cat([p.grad.flatten() for p in splade.parameters() if p.grad is not None]))
    torch.testing.assert_close(results[0], results[1], rtol=1e-4, atol=1e-4)
    assert float((gradients[0] - gradients[1]).norm()) < 1e-4 * float(gradients[1].norm())


def test_the_families_that_see_the_whole_text_go_this_way() -> None:
    taken = {kind for kind in CAUSAL if unpadded.takes(model(kind), features())}
    windowed = {
        kind
        for kind in CAUSAL
        if "sliding_attention" in (getattr(model(kind).masked_lm.config, "layer_types", None) or ())
    }
    assert {"llama", "qwen3"} <= taken and not taken & windowed


@pytest.mark.parametrize(
    "mask",
    [MASK.flip(1), torch.tensor([[1, 1, 0, 0, 1, 1]] * 5), torch.zeros_like(MASK)],
    ids=["left", "between", "nothing"],
)
def test_other_padding_keeps_its_mask(mask: Tensor) -> None:
    assert not unpadded.takes(model("llama"), features(mask))


@pytest.mark.parametrize("settings", [{"sliding_window": 2}, {"layer_types": ["full_attention", "sliding_attention"]}])
def test_a_window_keeps_its_mask(settings: dict[str, Any]) -> None:
    assert not unpadded.takes(model("llama", **settings), features())


def test_a_masked_model_or_other_attention_or_a_compiled_model_is_left_alone() -> None:
    assert not unpadded.takes(model("bert"), features())
    eager = model("llama")
    eager.masked_lm.set_attn_implementation("eager")
    assert not unpadded.takes(eager, features())
    compiled = model("llama")
    compiled.masked_lm.compile(dynamic=True)
    assert not unpadded.takes(compiled, features())


def test_a_model_that_does_not_heed_texts_or_positions_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unpadded.takes(model("llama"), features())
    for change in ("position_ids", "cu_seq_lens_q"):
        deaf = model("llama")

        def forward(*arguments: Any, _own: Any = deaf.masked_lm.forward, _change: str = change, **named: Any) -> Any:
            if _change in named:
                named[_change] = (
                    torch.zeros_like(named[_change])
                    if _change == "position_ids"
                    else torch.tensor([0, 9], dtype=torch.int32)
                )
            return _own(*arguments, **named)

        monkeypatch.setattr(deaf.masked_lm, "forward", forward)
        assert not unpadded.takes(deaf, features())


def test_the_attention_is_put_back_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    splade = model("llama")
    assert unpadded.takes(splade, features())

    def fails(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(splade.masked_lm, "forward", fails)
    with pytest.raises(KeyboardInterrupt):
        unpadded.unpadded_inputs(splade, features(), half=False)
    assert splade.masked_lm.config._attn_implementation == "sdpa"


def test_training_stays_training() -> None:
    splade = model("llama").train()
    unpadded.takes(splade, features())
    assert all(module.training for module in splade.modules())
