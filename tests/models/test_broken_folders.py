"""Folders that came broken, or hold another kind of model: one line at every door, and none asks for a deletion."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertForSequenceClassification, BertModel

from rescalade.audit.sample_audit import audit_model
from rescalade.backbones.make import copy_backbone
from rescalade.encoding.encoder import Encoder
from rescalade.errors import UserError
from rescalade.models.load import load_tokenizer
from rescalade.rescaling.make import make_rescaled
from rescalade.variants import Variant
from rescalade.vectors.manifest import model_digest
from support.families import FORMS, tiny_form
from support.models import SMALL
from support.sparse_encoders import checkpoint


def _rescale(model: Path) -> None:
    (model.parent / "rescaled").mkdir(exist_ok=True)
    make_rescaled(model, Variant(2.0, "folded", True), model.parent / "rescaled")


def _copy(model: Path) -> None:
    (model.parent / "copied").mkdir(exist_ok=True)
    copy_backbone(model.parent / "copied", model)


DOORS: list[Callable[[Path], Any]] = [Encoder.load, audit_model, _rescale, _copy]
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 17671552\n"


def no_tokenizer(model: Path) -> None:
    (model / "tokenizer.json").unlink()


def no_merges(model: Path) -> None:
    (model / "tokenizer.json").unlink()
    (model / "vocab.json").write_text("{}")


def no_words(model: Path) -> None:
    path = model / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    special = {token["content"] for token in tokenizer["added_tokens"]}
    tokenizer["model"]["vocab"] = {word: n for word, n in tokenizer["model"]["vocab"].items() if word in special}
    path.write_text(json.dumps(tokenizer))


def hole(model: Path) -> None:
    path = model / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    words = tokenizer["model"]["vocab"]
    words["beyond"] = 60
    words.pop(next(word for word, number in words.items() if number == 20))
    path.write_text(json.dumps(tokenizer))


def pointer(name: str) -> Callable[[Path], None]:
    return lambda model: (model / name).write_text(POINTER) and None  # type: ignore[func-returns-value]


def mark(model: Path) -> None:
    path = model / "config.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def not_json(model: Path) -> None:
    (model / "config.json").write_text("{\n,")


def broken_weights(model: Path) -> None:
    weights = load_file(model / "model.safetensors")
    weights["bert.embeddings.word_embeddings.weight"][7, :3] = torch.tensor([float("nan"), float("inf"), -float("inf")])
    save_file(weights, model / "model.safetensors", {"format": "pt"})


def cross_encoder(model: Path) -> None:
    BertForSequenceClassification(BertConfig(**SMALL, intermediate_size=24, num_labels=1)).save_pretrained(model)


def dense(model: Path) -> None:
    BertModel(BertConfig(**SMALL, intermediate_size=24)).save_pretrained(model)


def foreign_code(model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModelForMaskedLM": "own.Model"}}
    (model / "config.json").write_text(json.dumps(config))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("models") / "whole")


@pytest.mark.parametrize(
    ("damage", "part", "doors"),
    [
        (no_tokenizer, "the folder has no tokenizer", DOORS),
        (no_merges, "merges.txt is missing beside vocab.json", DOORS[:1]),
        (no_words, "it has special tokens only and no words", DOORS[:1]),
        (hole, "it has 60 rows, its tokenizer .* 'beyond' has the number 60", DOORS),
        (pointer("model.safetensors"), "model.safetensors is a Git LFS pointer.*git lfs pull", DOORS),
        (pointer("tokenizer.json"), "tokenizer.json is a Git LFS pointer", DOORS[:1]),
        (pointer("config.json"), "config.json is a Git LFS pointer", DOORS[:1]),
        (mark, "config.json begins with a byte-order mark", DOORS),
        (not_json, r"config.json is not JSON \(line 2: .*\); correct it", DOORS),
        (broken_weights, "3 of its weights are not finite", DOORS[1:]),
        (cross_encoder, r"a cross-encoder or another classifier \(BertForSequenceClassification\)", DOORS),
        (dense, r"It is a dense model \(BertModel\)", DOORS),
        (foreign_code, "code of its own", DOORS),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_wrong_with_a_folder_is_one_line(
    damage: Callable[[Path], None], part: str, doors: list[Callable[[Path], Any]], whole: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(whole, model)
    damage(model)
    for door in doors:
        with pytest.raises(UserError, match=part) as caught:
            door(model)
        assert "\n" not in str(caught.value) and str(model) in str(caught.value) and "delete" not in str(caught.value)


def test_pickled_weights_are_no_weights(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no \*\.safetensors file is there; expected a model folder"):
        model_digest(tmp_path)
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(UserError, match="pickled weights can run code and are not loaded: convert it once"):
        model_digest(tmp_path)


@pytest.mark.parametrize("form", FORMS)
def test_no_family_gets_a_made_up_tokenizer(form: str, tmp_path: Path) -> None:
    tiny_form(form).config.save_pretrained(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("{}")
    with pytest.raises(UserError, match="the folder has no tokenizer"):
        load_tokenizer(tmp_path)
