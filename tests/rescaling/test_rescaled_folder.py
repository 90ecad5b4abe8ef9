"""A rescaled model folder: what others load from it, its card, and the documents' own examples."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

from rescalade.backbones.vocabulary import as_transformers, train_wordpiece
from rescalade.library import make_rescaled
from rescalade.models.model_folder import read_splade_config
from rescalade.rescaling.sidecar import Rescaled, load_rescaled
from rescalade.splade.model import SpladeModel
from rescalade.texts.audit_sample import SAMPLE
from rescalade.variants import Mode, Variant
from support.encoding import save_model
from support.families import tiny_form
from support.texts import TEXTS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "library.md"
TEXT = ["a list of the keys", "returns a copy"]


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Model folders with tokenizers."""
    tokenizer = as_transformers(train_wordpiece(TEXTS, 60), 64)
    folders = {}
    for form in ("bert", "modernbert", "ultrabert", "llama"):
        folders[form] = tmp_path_factory.mktemp("origins") / form
        tiny_form(form).save_pretrained(folders[form])
        tokenizer.save_pretrained(folders[form])
    return folders


def make(origin: Path, folder: Path, *variant: Any, **options: Any) -> Rescaled:
    folder.mkdir()
    return make_rescaled(origin, Variant(*variant), folder, **options)


@pytest.mark.parametrize(("max_length", "lengths"), [(None, (8, 16)), (12, (12, 12))])
def test_how_a_model_encodes_goes_along(max_length: int | None, lengths: tuple[int, int], tmp_path: Path) -> None:
    origin = save_model(tmp_path / "origin", query_prompt="q: ", precision="bf16")
    make(origin, tmp_path / "model", 16, "tied", max_length=max_length)
    how = read_splade_config(tmp_path / "model")
    assert (how.query_prompt, how.precision, (how.query_length, how.document_length)) == ("q: ", "bf16", lengths)
    declared = json.loads((tmp_path / "model" / "sentence_bert_config.json").read_text())
    assert declared["max_seq_length"] == lengths[1]
    prompts = json.loads((tmp_path / "model" / "config_sentence_transformers.json").read_text())["prompts"]
    assert prompts == {"query": "q: ", "document": ""}


def test_what_sentence_transformers_would_pool_otherwise_is_not_described_to_it(tmp_path: Path) -> None:
    origin = save_model(tmp_path / "origin", pool_special_tokens=False)
    done = make(origin, tmp_path / "model", 16, "tied")
    assert not read_splade_config(tmp_path / "model").pool_special_tokens
    assert done.no_sparse_encoder is not None and "special tokens" in done.no_sparse_encoder
    assert not (tmp_path / "model" / "modules.json").exists()


@pytest.mark.parametrize("mode", ["tied", "untied", "folded", "multiplier"])
@pytest.mark.parametrize("form", ["bert", "modernbert"])
def test_others_load_the_same_vectors(form: str, mode: Mode, origins: dict[str, Path], tmp_path: Path) -> None:
    from sentence_transformers import SparseEncoder

    folder = tmp_path / "model"
    done = make(origins[form], folder, 16, mode, True)
    tokens = AutoTokenizer.from_pretrained(folder)(TEXT, return_tensors="pt", padding=True)
    inputs = {"input_ids": tokens["input_ids"], "attention_mask": tokens["attention_mask"]}

    def vectors(path: Path, divide: float) -> torch.Tensor:
        with torch.no_grad():
            logits = AutoModelForMaskedLM.from_pretrained(path)(**inputs).logits / divide
        return torch.log1p(torch.relu(logits)).mul(inputs["attention_mask"].unsqueeze(2)).max(1).values

    loaded = vectors(folder, 1)
    encoder = SparseEncoder(str(folder), device="cpu")
    torch.testing.assert_close(encoder.encode(TEXT, convert_to_sparse_tensor=False).cpu(), loaded)
    ours = SpladeModel(load_rescaled(folder))
    with torch.no_grad():
        weights = ours(**inputs, pooled=inputs["attention_mask"].bool())
    torch.testing.assert_close(weights, loaded)
    if mode != "tied":
        assert torch.equal(loaded, vectors(origins[form], 16))
        assert done.logit_error == 0
    elif form == "bert":
        assert done.logit_error > 0.1
    else:
        assert 0 < done.logit_error < 0.05


def test_the_card_and_the_sidecar_say_what_was_done(origins: dict[str, Path], tmp_path: Path) -> None:
    done = make(origins["bert"], tmp_path / "model", 8, "tied", False, title="tiny/bert")
    card = (tmp_path / "model" / "README.md").read_text()
    assert "base_model: tiny/bert" in card
    assert "k = 8" in card and "`tied`" in card and "left as it was" in card
    assert f"{done.logit_error:.2g} relative error from (z - b) / k + b" in card
    assert str(done.origin_sha256) in card
    assert "library_name: sentence-transformers" in card
    sidecar = Rescaled.read(tmp_path / "model" / "rescale.json")
    assert sidecar == done
    assert (sidecar.scale, sidecar.mode, sidecar.bias) == (8, "tied", False)
    assert sidecar.row_norm_after == pytest.approx(sidecar.row_norm_before / 8)


def test_a_causal_model_is_described_to_sentence_transformers_too(origins: dict[str, Path], tmp_path: Path) -> None:
    done = make(origins["llama"], tmp_path / "model", 4, "folded", False)
    assert done.causal and done.no_sparse_encoder is None
    module = json.loads((tmp_path / "model" / "modules.json").read_text())[0]["type"]
    assert module == "sentence_transformers.base.modules.transformer.Transformer"
    assert "Texts get no special token" in (tmp_path / "model" / "README.md").read_text()


def test_the_bias_is_divided_where_there_is_one(origins: dict[str, Path], tmp_path: Path) -> None:
    assert make(origins["bert"], tmp_path / "a", 4, "folded", False, bias_where_present=True).bias is True
    assert make(origins["ultrabert"], tmp_path / "b", 4, "untied", True, bias_where_present=True).bias is False


def blocks() -> list[str]:
    """The page's Python examples."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.mark.slow
def test_the_examples_of_the_page_run_one_after_another(origins: dict[str, Path], tmp_path: Path) -> None:
    """Only the backbone and the data are put in their place, and the length of the run."""
    setting = {
        "BACKBONE": repr(str(origins["modernbert"])),
        "QUERIES": repr([triple.query for triple in SAMPLE]),
        "POSITIVES": repr([triple.positive for triple in SAMPLE]),
        "NEGATIVES": repr([triple.negative for triple in SAMPLE]),
    }
    script = "\n".join(f"{name} = {value}" for name, value in setting.items()) + "\n" + "\n".join(blocks())
    script = script.replace("per_device_train_batch_size=64", "per_device_train_batch_size=4, use_cpu=True")
    (tmp_path / "example.py").write_text(script, encoding="utf-8")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "WANDB_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, "example.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().splitlines()[-1] == "16.0 folded 0.0"
    facts = json.loads((tmp_path / "modernbert-k16" / "rescale.json").read_text())
    assert facts["scale"] == 16
    make(origins["modernbert"], tmp_path / "begun", 2, "folded", True)  # as `auto` divides it
    before = AutoModelForMaskedLM.from_pretrained(tmp_path / "begun")
    after = AutoModelForMaskedLM.from_pretrained(tmp_path / "splade-modernbert")
    moved = [not torch.equal(value, dict(after.named_parameters())[name]) for name, value in before.named_parameters()]
    assert any(moved)
    tied = AutoModelForMaskedLM.from_pretrained(tmp_path / "rescaled")
    assert torch.equal(tied.decoder.weight, tied.get_input_embeddings().weight)
