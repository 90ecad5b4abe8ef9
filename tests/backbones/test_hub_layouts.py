"""Weights under the names and in the company that the paper's backbones have on the hub, which differ from what this
version of transformers writes: old names of norms, heads without their tied matrix, weights of other tasks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from rescalade.models.load import load_lm
from rescalade.models.locate import locate_head
from support.models import tiny

LEFT_OUT = {
    "bert": ("cls.predictions.decoder.weight", "cls.predictions.decoder.bias"),
    "distilbert": ("vocab_projector.weight",),
    "albert": ("predictions.decoder.weight",),
    "roberta": ("lm_head.decoder.weight", "lm_head.decoder.bias"),
    "modernbert": ("decoder.weight",),
}
"""Tied to another weight, so the file has that one only."""
ADDED = {
    "bert": {
        "bert.pooler.dense.weight": (16, 16),
        "bert.pooler.dense.bias": (16,),
        "cls.seq_relationship.weight": (2, 16),
        "cls.seq_relationship.bias": (2,),
    },
    "albert": {"albert.pooler.weight": (16, 16), "albert.pooler.bias": (16,)},
    "roberta": {
        "roberta.pooler.dense.weight": (16, 16),
        "roberta.pooler.dense.bias": (16,),
        "roberta.embeddings.position_ids": (1, 512),
    },
}
"""Of next-sentence prediction and of older versions."""


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_a_checkpoint_in_its_old_layout_is_the_same_model(kind: str, tmp_path: Path) -> None:
    model = tiny(kind)
    model.save_pretrained(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if name not in LEFT_OUT[kind]}
    if kind == "bert":
        old = {"weight": "gamma", "bias": "beta"}
        kept = {
            re.sub(r"LayerNorm\.(weight|bias)$", lambda found: f"LayerNorm.{old[found[1]]}", name): weight
            for name, weight in kept.items()
        }
        assert "bert.embeddings.LayerNorm.gamma" in kept
    kept |= {name: torch.ones(shape) for name, shape in ADDED.get(kind, {}).items()}
    save_file(kept, tmp_path / "model.safetensors", {"format": "pt"})
    loaded = load_lm(tmp_path)
    ids = torch.arange(10).unsqueeze(0)
    with torch.no_grad():
        assert torch.equal(loaded(input_ids=ids).logits, model(input_ids=ids).logits)
    assert locate_head(loaded).tied
