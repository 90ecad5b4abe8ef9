"""A SparseEncoder folder keeps its settings where its head is divided, and its tokenizer's files their bytes."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer

from rescalade.audit.choose import Pooled
from rescalade.audit.sample_audit import audit_model
from rescalade.backbones.make import copy_backbone
from rescalade.errors import UserError
from rescalade.models.model_folder import open_model_folder
from rescalade.rescaling.make import make_rescaled
from rescalade.variants import Variant
from support.sparse_encoders import checkpoint, ours, save, splade_modules, table_module, theirs
from support.texts import TEXTS

SETTINGS = (
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "1_SpladePooling/config.json",
)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("models") / "origin")


def divided(path: Path, folder: Path, k: float = 4.0, max_length: int | None = None) -> Path:
    folder.mkdir()
    make_rescaled(path, Variant(k, "folded", True), folder, max_length=max_length)
    return folder


@pytest.mark.parametrize(("pooling", "activation"), [("sum", "relu"), ("max", "log1p_relu"), ("sum", "log1p_relu")])
def test_the_settings_stay_and_logits_are_divided(pooling: str, activation: str, origin: Path, tmp_path: Path) -> None:
    modules = splade_modules(
        origin, {"query_length": 6}, pooling_strategy=pooling, activation_function=activation
    )  # fmt: skip
    prompts = {"query": TEXTS[7][:9], "document": "", "other": "x"}
    path = save(tmp_path / "before", modules, prompts=prompts, default_prompt_name="other", max_active_dims=20)
    after = divided(path, tmp_path / "after")
    for name in SETTINGS:
        assert (after / name).read_bytes() == (path / name).read_bytes()
    assert open_model_folder(after).how == open_model_folder(path).how
    for found, expected, undivided in zip(ours(after), theirs(after), ours(path), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
        assert not torch.equal(found, undivided)
    over, term = {"max": "maximum", "sum": "sum"}[pooling], {"relu": "log(1 + relu(z))"}.get(activation, "log(1 + log(")
    assert f"A term's weight is the {over} of {term}" in (after / "README.md").read_text()
    one = divided(path, tmp_path / "one", 1.0)
    assert all(torch.equal(found, expected) for found, expected in zip(ours(one), ours(path), strict=True))


def test_another_length_is_written_wherever_one_stands(origin: Path, tmp_path: Path) -> None:
    transformer = {
        "query_length": 6, "processor_kwargs": {"model_max_length": 9},
        "processing_kwargs": {"text": {"max_length": 5, "padding": True}},
    }  # fmt: skip
    path = save(tmp_path / "before", splade_modules(origin, transformer, pooling_strategy="sum"))
    after = divided(path, tmp_path / "after", max_length=7)
    how = open_model_folder(after).how
    assert (how.query_length, how.document_length, how.pooling) == (7, 7, "sum")
    assert torch.equal(ours(after)[1] > 0, theirs(after)[1] > 0)


def test_the_tokenizer_is_saved_as_it_was_loaded(tmp_path: Path) -> None:
    """Truncation and padding, which other readers of tokenizer.json heed, are not those of the last call."""
    path = checkpoint(tmp_path / "before")
    tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
    for number, (truncation, padding) in enumerate(((None, None), (40, None), (12, 3))):
        tokenizer.no_truncation() if truncation is None else tokenizer.enable_truncation(truncation)
        tokenizer.no_padding() if padding is None else tokenizer.enable_padding(pad_id=0, length=padding)
        tokenizer.save(str(path / "tokenizer.json"))
        folders = [divided(path, tmp_path / f"divided-{number}")]
        copy_backbone(tmp_path / f"copied-{number}", path)
        for folder in [*folders, tmp_path / f"copied-{number}"]:
            assert (folder / "tokenizer.json").read_bytes() == (path / "tokenizer.json").read_bytes()


def test_only_what_is_pooled_by_maxima_is_audited_and_trained(origin: Path, tmp_path: Path) -> None:
    from sentence_transformers.base.modules import Router

    summed = save(tmp_path / "sum", splade_modules(origin, pooling_strategy="sum"))
    table = save(
        tmp_path / "table", [Router.for_query_document([table_module()], splade_modules(origin))]
    )  # fmt: skip
    for path, part in ((summed, "sums over tokens"), (table, "looked up in a table")):
        with pytest.raises(UserError, match=part):
            audit_model(path)
    for path, part in ((summed, "would begin as another model"), (table, "looked up in a table")):
        with pytest.raises(UserError, match=part):
            copy_backbone(tmp_path / "copy", path)
    with pytest.raises(UserError, match="looked up in a table"):
        divided(table, tmp_path / "divided")


def test_an_audit_weighs_as_the_folder_says(origin: Path, tmp_path: Path) -> None:
    path = save(tmp_path, splade_modules(origin, activation_function="log1p_relu"))
    plain, twice = audit_model(origin), audit_model(path)
    row, other = plain.scales[0], twice.scales[0]
    assert (row.k, row.active_document) == (other.k, other.active_document)
    # log(1 + y) of each weight y lies below it, and never above the logarithm of the mean
    assert 0 < other.activation_mean < torch.log1p(torch.tensor(row.activation_mean))
    assert other.score_mean < row.score_mean
    by_rules = Pooled(torch.tensor([[2 * (math.e - 1)]]), None, None, "log1p_relu").at_scale(2.0, True)
    assert by_rules.item() == pytest.approx(math.log(2))


def test_a_starting_point_keeps_its_case_and_says_what_a_recipe_decides(
    origin: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save(tmp_path / "before", splade_modules(origin), prompts={"query": "q: "})
    settings = path / "sentence_bert_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "do_lower_case": True}))
    copy_backbone(tmp_path / "copy", path)
    assert re.search(r"its query_prompt 'q: ' is left out", caplog.text)
    assert Tokenizer.from_file(str(tmp_path / "copy" / "tokenizer.json")).normalizer.normalize_str("ABC") == "abc"
