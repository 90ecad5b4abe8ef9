"""Checkpoints that are refused: one line, with what to do, and nothing written."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import ElectraConfig, ElectraForPreTraining

from rescalade.backbones.vocabulary import as_transformers, train_wordpiece
from rescalade.cli.main import main
from rescalade.errors import UserError
from rescalade.models.load import load_lm, load_tokenizer
from support.families import tiny_form
from support.texts import TEXTS


def refusal(folder: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_lm(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_an_electra_discriminator(tmp_path: Path) -> None:
    config = ElectraConfig(
        vocab_size=60, embedding_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    ElectraForPreTraining(config).save_pretrained(tmp_path)
    message = refusal(tmp_path)
    assert "generator_lm_head" in message and "use the generator" in message


def test_deberta_weights_read_with_the_wrong_flag_both_ways(tmp_path: Path) -> None:
    for form, wrong, remedy in (
        ("deberta-v2, legacy: false", True, '"legacy": false'),
        ("deberta-v2", False, '"legacy": true'),
    ):
        folder = tmp_path / str(wrong)
        tiny_form(form).save_pretrained(folder)
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "legacy": wrong}))
        assert remedy in refusal(folder)


def test_an_encoder_without_a_head(tmp_path: Path) -> None:
    tiny_form("roberta").base_model.save_pretrained(tmp_path)
    assert "saved with its language-model head" in refusal(tmp_path)


def test_weights_of_another_head_beside_a_whole_one(tmp_path: Path) -> None:
    tiny_form("bert").save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = {**load_file(path), "lm_head.dense.weight": torch.zeros(16, 16)}
    save_file(tensors, path, metadata={"format": "pt"})
    assert "lm_head.dense.weight" in refusal(tmp_path)


def test_other_weights_that_masked_models_leave_unused_are_no_mistake(tmp_path: Path) -> None:
    tiny_form("bert").save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = {**load_file(path), "cls.seq_relationship.weight": torch.zeros(2, 16)}
    save_file(tensors, path, metadata={"format": "pt"})
    assert load_lm(tmp_path) is not None


def test_pickled_weights_name_the_way_out(tmp_path: Path) -> None:
    model = tiny_form("bert")
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    message = refusal(tmp_path)
    assert "only pickled ones" in message and "Convert it once" in message


def test_a_torn_file_beside_pickled_weights_is_called_torn(tmp_path: Path) -> None:
    tiny_form("bert").save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    message = refusal(tmp_path)
    assert "pickled" not in message and "did not arrive whole" in message and "copy the *.safetensors files" in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hidden_act": "nonsense"}, "nonsense"),
        ({"num_attention_heads": 0}, "cannot be loaded"),
        ({"hidden_size": "wide"}, "cannot be loaded"),
        ({"vocab_size": 90}, "other shapes"),
    ],
)
def test_a_broken_configuration_is_one_line(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    tiny_form("bert").save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert words in refusal(tmp_path)


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON"])
def test_a_broken_tokenizer_is_one_line(text: str, tmp_path: Path) -> None:
    tiny_form("bert").save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text(text)
    with pytest.raises(UserError, match="tokenizer of") as caught:
        load_tokenizer(tmp_path)
    assert "\n" not in str(caught.value)


def test_code_of_its_own_is_never_run(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps(
            {"model_type": "neobert", "auto_map": {"AutoConfig": "model.Config", "AutoModelForMaskedLM": "model.M"}}
        )
    )
    (tmp_path / "model.py").write_text("raise SystemExit('this was run')")
    assert "never run here" in refusal(tmp_path)


def test_an_unknown_family_is_named_before_its_weights_are_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "perceiver"}))
    message = refusal(tmp_path)
    assert "'perceiver'" in message and "modernbert" in message


@pytest.fixture(scope="module")
def ultrabert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole model folder whose head has no norm."""
    folder = tmp_path_factory.mktemp("models") / "ultrabert"
    tokenizer = as_transformers(train_wordpiece(TEXTS, 60), 16)
    tiny_form("ultrabert").save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--k", "0"], "finite number above 0"),
        (["--k", "inf"], "finite number above 0"),
        (["--k", "two"], "expected a number above 0, or auto"),
        (["--k", "4", "--mode", "halved"], "known: tied, untied, folded, multiplier"),
        (["--k", "auto", "--rule", "luck"], "known: width, norm"),
        (["--k", "4", "--mode", "folded"], "use `untied`"),
        (["--k", "4", "--mode", "untied", "--bias"], "no bias to divide"),
        (["--k", "4", "--mode", "untied", "--max-length", "65"], "positions for 64 tokens"),
        (["--k", "4", "--mode", "untied", "--max-length", "0"], "at least 4 tokens"),
        ([], "--k is missing"),
    ],
)
def test_a_refused_division_leaves_nothing_behind(
    ultrabert: Path,
    options: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = call(monkeypatch, tmp_path, "rescale", str(ultrabert), "--out", str(tmp_path / "new"), *options)
    assert status == 2
    assert expected in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_not_overwritten(
    ultrabert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken"
    shutil.copytree(ultrabert, taken)
    before = {path.name: path.read_bytes() for path in taken.iterdir()}
    status = call(monkeypatch, tmp_path, "rescale", str(ultrabert), "--k", "2", "--mode", "untied", "--out", str(taken))
    assert (status, "not empty" in capsys.readouterr().err) == (2, True)
    assert {path.name: path.read_bytes() for path in taken.iterdir()} == before


def test_a_division_by_command_says_what_it_did(
    ultrabert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new"
    options = ("--k", "auto", "--rule", "width", "--mode", "untied", "--out", str(folder))
    assert call(monkeypatch, tmp_path, "rescale", str(ultrabert), *options) == 0
    assert "divided by 2, untied" in capsys.readouterr().out  # 16^(1/4)
    assert json.loads((folder / "rescale.json").read_text())["rule"] == "width"


def call(monkeypatch: pytest.MonkeyPatch, folder: Path, *words: str) -> int:
    """Exit status of the command line, run in this process from a folder without a configuration."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["rescalade", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_what_transformers_finds_is_not_shown_as_its_own_table(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from transformers import BertConfig, BertForPreTraining, BertModel

    config = BertConfig(vocab_size=60, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8)
    BertForPreTraining(config).save_pretrained(tmp_path / "pretraining")  # with a pooler and a second head in surplus
    BertModel(config).save_pretrained(tmp_path / "encoder")
    capfd.readouterr()
    load_lm(tmp_path / "pretraining")
    assert "dense model (BertModel)" in refusal(tmp_path / "encoder")
    shown = "".join(capfd.readouterr())
    assert "REPORT" not in shown and "corrupted" not in shown
