"""Names of the hub, answered by a cache: what is a SparseEncoder there, what is not, and what cannot be told."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from sentence_transformers import SparseEncoder

import rescalade
from rescalade.errors import UserError
from rescalade.models import room
from support.hub_cache import COMMIT, add_to_cache
from support.sparse_encoders import checkpoint, save, splade_modules
from support.texts import TEXTS


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_name_is_told_by_modules_json_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    cache = tmp_path / "cache"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    plain = checkpoint(tmp_path / "plain")
    ready = save(tmp_path / "ready", splade_modules(plain, {"max_seq_length": 16}), prompts={"query": "a: "})
    add_to_cache(cache, "models", "o/plain", files(plain))
    add_to_cache(cache, "models", "o/ready", files(ready))
    model, theirs = rescalade.sparse_encoder("o/ready", device="cpu"), SparseEncoder(str(ready), device="cpu")
    assert model.prompts["query"] == "a: "
    assert torch.equal(model.encode_query(TEXTS[:3]).to_dense(), theirs.encode_query(TEXTS[:3]).to_dense())
    with pytest.raises(UserError, match="the cache does not say whether it is a SparseEncoder"):
        rescalade.sparse_encoder("o/plain", device="cpu")
    known = cache / "models--o--plain" / ".no_exist" / COMMIT / "modules.json"  # as the hub's answer is kept
    known.parent.mkdir(parents=True)
    known.touch()
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(UserError, match="found nothing there"):
        rescalade.sparse_encoder("~nobody-here/plain", device="cpu")
    with monkeypatch.context() as small:
        small.setattr(room, "free", lambda device: 1000)
        for name in ("o/ready", "o/plain", "~/plain", str(ready)):
            with pytest.raises(UserError, match="not enough memory: its weights take"):
                rescalade.sparse_encoder(name, device="cpu")
    divided, local = (rescalade.sparse_encoder(name, device="cpu") for name in ("o/plain", "~/plain"))
    assert divided.max_seq_length == local.max_seq_length
    assert torch.equal(divided.encode(TEXTS[:3]).to_dense(), local.encode(TEXTS[:3]).to_dense())
