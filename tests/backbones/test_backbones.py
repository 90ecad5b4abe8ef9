"""Vocabulary, masking and pretraining of small backbones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

from rescalade.backbones.local_files import local_source
from rescalade.backbones.make import inflate_backbone
from rescalade.backbones.pretrain import MASK, mask_tokens, pretrain
from rescalade.backbones.settings import PretrainSettings
from rescalade.backbones.vocabulary import SPECIAL_TOKENS, as_transformers, train_wordpiece
from rescalade.errors import UserError
from rescalade.models.load import check_lengths, check_vocabulary, load_lm, load_tokenizer
from rescalade.models.locate import locate_head
from support.texts import TEXTS

SETTINGS = PretrainSettings(
    family="bert", text="x", vocabulary=200, width=16, feed_forward=32, steps=12, batch_size=8, length=16
)


def test_the_vocabulary_is_the_same_every_time_and_special_tokens_come_first() -> None:
    first, second = train_wordpiece(TEXTS, 200), train_wordpiece(TEXTS, 200)
    assert first.to_str() == second.to_str()
    assert [first.token_to_id(token) for token in SPECIAL_TOKENS] == [0, 1, 2, 3, 4]
    encoded = first.encode("The QUICK fox")
    assert encoded.tokens == ["[CLS]", "the", "quick", "fox", "[SEP]"]
    assert encoded.ids[0] == 2 and encoded.ids[-1] == 3


def test_the_alphabet_is_that_of_the_normalised_text() -> None:
    text = "Stra\u00dfe \u0130\u03a3 caf\u00e9 cafe\u0301 \uac00 \u6f22\u5b57"
    tokenizer = train_wordpiece([text, text], 60)
    pieces = {piece for piece in tokenizer.get_vocab() if len(piece) == 1}
    # small letters without their accents; the Korean syllable falls apart into its two letters
    assert pieces == {*"stra\u00dfei\u03c3cf\u1100\u1161\u6f22\u5b57"}


def test_masking_is_80_10_10_of_the_selected_and_spares_special_tokens() -> None:
    tokens = np.full((400, 200), 50)
    tokens[:, 0] = 2
    settings = SETTINGS.model_copy(update={"mask_ratio": 0.25})
    inputs, selected = mask_tokens(tokens, settings, 1000, np.random.default_rng(0))
    assert not selected[:, 0].any() and (inputs[:, 0] == 2).all()
    chosen = inputs[selected]
    # 19,900 of 79,600 positions selected: three standard errors are about .005 and .008
    assert selected[:, 1:].mean() == pytest.approx(0.25, abs=0.006)
    assert (chosen == MASK).mean() == pytest.approx(0.8, abs=0.01)
    assert (chosen == 50).mean() == pytest.approx(0.1, abs=0.01)
    assert (inputs[~selected] == tokens[~selected]).all()


@pytest.mark.parametrize("family", ["bert", "modernbert", "llama"])
def test_pretraining_learns_is_repeatable_and_saves(family: str, tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"family": family, "steps": 60, "learning_rate": 1e-2})
    first = pretrain(settings, TEXTS, tmp_path / "a")
    again = pretrain(settings, TEXTS, tmp_path / "b")
    # the words are drawn at random: nothing but copying and their frequency can be learned
    assert first.history[-1]["loss"] < 0.95 * first.history[0]["loss"]
    assert first.history == again.history
    first.model.save_pretrained(tmp_path / "model")
    as_transformers(first.tokenizer, 64).save_pretrained(tmp_path / "model")
    loaded = load_lm(tmp_path / "model")
    ids = torch.arange(5, 15).unsqueeze(0)
    with torch.no_grad():
        assert torch.equal(loaded(input_ids=ids).logits, first.model(input_ids=ids).logits)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert tokenizer("fox")["input_ids"] == first.tokenizer.encode("fox").ids
    assert len(first.history) == 60


def test_an_interrupted_pretraining_ends_with_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rescalade.backbones.pretrain.CHECKPOINT_EVERY", 5)

    steps: list[int] = []

    def stop(done: int, total: int, row: dict[str, float]) -> None:
        steps.append(done)
        if done == 8 and steps.count(8) == 1:
            raise KeyboardInterrupt

    whole = pretrain(SETTINGS, TEXTS, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        pretrain(SETTINGS, TEXTS, tmp_path / "broken", stop)
    steps.clear()
    steps.append(8)  # not stopped again
    resumed = pretrain(SETTINGS, TEXTS, tmp_path / "broken", stop)
    assert steps[1] == 6  # the checkpoint of step 5 was used
    assert resumed.history == whole.history
    for (name, one), (_, other) in zip(whole.model.named_parameters(), resumed.model.named_parameters(), strict=True):
        assert torch.equal(one, other), name


def test_the_choices_at_initialisation_do_what_they_say(tmp_path: Path) -> None:
    def start(**changes: object) -> torch.nn.Module:
        # one step at a vanishing learning rate leaves the initialisation
        settings = SETTINGS.model_copy(update={"steps": 1, "learning_rate": 1e-12, "weight_decay": 0.0, **changes})
        return pretrain(settings, TEXTS, tmp_path / str(changes)).model

    plain = start(unigram_bias=False)
    wide = start(unigram_bias=False, embedding_std=0.2)
    shifted = start(bias_offset=3.0)
    weights = [locate_head(model).weight for model in (plain, wide)]  # type: ignore[arg-type]
    torch.testing.assert_close(weights[1], weights[0] * 10, rtol=1e-3, atol=1e-5)
    frequencies = torch.exp(locate_head(shifted).bias - 3.0)  # type: ignore[arg-type,operator]
    assert float(frequencies.detach().sum()) == pytest.approx(1.0, abs=1e-4)
    assert locate_head(plain).tied  # type: ignore[arg-type]
    dense = start(identity_head=True).get_submodule("cls.predictions.transform.dense")
    torch.testing.assert_close(dense.weight, torch.eye(16))


def test_inflation_multiplies_the_head_and_nothing_else(tmp_path: Path) -> None:
    from support.models import tiny

    tokenizer = as_transformers(train_wordpiece(TEXTS, 60), 16)
    for folder in (tmp_path / "origin",):
        tiny("bert").save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    inflate_backbone(tmp_path / "large", tmp_path / "origin", 8.0)
    before, after = load_lm(tmp_path / "origin"), load_lm(tmp_path / "large")
    changed = [n for n, p in before.named_parameters() if not torch.equal(p, after.get_parameter(n))]
    assert changed == ["bert.embeddings.word_embeddings.weight"]  # the shared matrix
    assert torch.equal(locate_head(after).weight, locate_head(before).weight * 8)
    assert locate_head(after).tied


def test_norm_and_offset_are_changed_apart(tmp_path: Path) -> None:
    """z = h Wᵀ + b, by hand: W and b times 4; b plus 1.5 with W as it was."""
    from support.models import tiny

    model = tiny("modernbert")
    locate_head(model).bias.data.uniform_(-3, -1)
    model.save_pretrained(tmp_path / "origin")
    as_transformers(train_wordpiece(TEXTS, 60), 16).save_pretrained(tmp_path / "origin")
    inflate_backbone(tmp_path / "scaled", tmp_path / "origin", 4.0, bias=True)
    inflate_backbone(tmp_path / "shifted", tmp_path / "origin", 1.0, shift=1.5)
    origin, scaled, shifted = (locate_head(load_lm(tmp_path / name)) for name in ("origin", "scaled", "shifted"))
    assert torch.equal(scaled.weight, origin.weight * 4) and torch.equal(scaled.bias, origin.bias * 4)
    assert torch.equal(shifted.weight, origin.weight) and torch.equal(shifted.bias, origin.bias + 1.5)


def test_a_checkpoint_without_its_head_is_refused(tmp_path: Path) -> None:
    from support.models import tiny

    tiny("bert").base_model.save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"lacks .* weights"):
        load_lm(tmp_path)


def test_a_folder_without_a_model_or_tokenizer_is_refused_in_one_line(tmp_path: Path) -> None:
    for load in (load_lm, load_tokenizer, lambda path: local_source(str(path))):
        with pytest.raises(UserError) as caught:
            load(tmp_path)
        assert "\n" not in str(caught.value)


def test_a_torn_model_file_is_one_line(tmp_path: Path) -> None:
    from support.models import tiny

    tiny("bert").save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError) as caught:
        load_lm(tmp_path)
    assert "\n" not in str(caught.value)


def test_texts_longer_than_the_model_are_refused() -> None:
    from support.encoding import splade_config
    from support.models import tiny

    check_lengths(tiny("bert"), "here", splade_config(query_length=512))
    with pytest.raises(UserError, match="document_length 513: model here has positions for 512"):
        check_lengths(tiny("bert"), "here", splade_config(query_length=4, document_length=513))
    with pytest.raises(UserError, match="has positions for 510"):
        check_lengths(tiny("roberta"), "here", splade_config(query_length=511))


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    from support.models import tiny

    model = tiny("bert")
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError):
        load_lm(tmp_path)


def test_a_tokenizer_of_another_model_is_refused() -> None:
    from support.models import tiny

    tokenizer = as_transformers(train_wordpiece(TEXTS, 200), 64)
    with pytest.raises(UserError, match="do not belong together"):
        check_vocabulary(tiny("bert"), tokenizer, "here")


def test_settings_have_a_json_form() -> None:
    assert PretrainSettings.model_validate(json.loads(SETTINGS.model_dump_json())) == SETTINGS
