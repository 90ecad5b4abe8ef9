"""Vocabulary and tokens that pretrainings leave to one another, against a tokenizer that is asked text by text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rescalade.backbones import pretraining_tokens as module
from rescalade.backbones.pretraining_tokens import pretraining_tokens
from rescalade.backbones.vocabulary import as_transformers, train_wordpiece
from rescalade.models.load import load_tokenizer
from support.models import tiny
from support.texts import TEXTS


def test_what_is_kept_is_what_would_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [*TEXTS[:700], "", "Caf\u00e9 \u6f22\u5b57"]
    plain = train_wordpiece(texts, 120)
    expected = [plain.encode(text).ids for text in texts]
    made = pretraining_tokens(texts, 120, tmp_path)
    monkeypatch.setattr(module, "learn_pieces", None)  # whoever comes second learns and tokenises nothing
    monkeypatch.setattr(module, "tokens_of", None)
    for tokenizer, tokens in (made, pretraining_tokens(texts, 120, tmp_path)):
        assert tokenizer.to_str() == plain.to_str()
        assert [row.tolist() for row in tokens.rows()] == expected


@pytest.mark.parametrize(("other", "size"), [(["the dog", "thedog"], 30), (["the ", "dog"], 30), (["the dog"], 31)])
def test_other_texts_and_sizes_have_files_of_their_own(other: list[str], size: int, tmp_path: Path) -> None:
    pretraining_tokens(["the dog"], 30, tmp_path)
    _, tokens = pretraining_tokens(other, size, tmp_path)
    assert len(tokens) == len(other)
    assert len(list(tmp_path.glob("*.json"))) == len(list(tmp_path.glob("*.npz"))) == 2


def test_damaged_files_are_made_again_and_a_long_text_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, made = pretraining_tokens(TEXTS[:50], 60, tmp_path)
    for path in [*tmp_path.glob("*.json"), *tmp_path.glob("*.npz")]:
        path.write_bytes(path.read_bytes()[:40])
    tokenizer, again = pretraining_tokens(TEXTS[:50], 60, tmp_path)
    np.testing.assert_array_equal(again.numbers, made.numbers)
    assert tokenizer.to_str() == train_wordpiece(TEXTS[:50], 60).to_str()
    monkeypatch.setattr(module, "KEPT", 100)
    pretraining_tokens(TEXTS[:50], 61, tmp_path / "long")
    assert not list((tmp_path / "long").glob("*.npz"))


@pytest.mark.parametrize("kind", ["bert", "modernbert", "llama"])
def test_a_cased_vocabulary_stays_cased_wherever_it_is_read(tmp_path: Path, kind: str) -> None:
    texts = ["Set the set apart", "a set, a Set and THE end"] * 3
    kept = {case: pretraining_tokens(texts, 200, tmp_path, lowercase=case)[0] for case in (True, False)}
    numbers = {case: [tokenizer.token_to_id(word) for word in ("Set", "set")] for case, tokenizer in kept.items()}
    assert numbers[True][0] is None and None not in numbers[False] and len(set(numbers[False])) == 2
    tiny(kind).save_pretrained(tmp_path / "cased")
    as_transformers(kept[False], 16, causal=kind == "llama").save_pretrained(tmp_path / "cased")
    read = load_tokenizer(tmp_path / "cased")
    assert read("Set set", add_special_tokens=False)["input_ids"] == numbers[False]
    again, _ = pretraining_tokens(texts, 200, tmp_path, lowercase=False)  # from the files of before
    assert again.to_str() == kept[False].to_str() == train_wordpiece(texts, 200, lowercase=False).to_str()
