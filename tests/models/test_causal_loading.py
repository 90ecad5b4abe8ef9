"""Causal models as they come: no padding token, one that is a real token, rows to spare, padding on the left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rescalade.backbones.vocabulary import as_transformers, train_wordpiece
from rescalade.errors import UserError
from rescalade.models.load import check_vocabulary, load_lm, load_tokenizer
from rescalade.splade.model import SpladeModel
from rescalade.texts.layout import Layout
from rescalade.texts.token_batch import TokenBatch
from support.families import VOCABULARY, tiny_form
from support.texts import TEXTS


def checkpoint(folder: Path, tokens: int = VOCABULARY, **changes: str | None) -> Path:
    """A tiny Llama with a tokenizer of so many tokens, some of whose attributes are others."""
    tiny_form("llama").save_pretrained(folder)
    tokenizer = as_transformers(train_wordpiece(TEXTS, tokens), 64, causal=True)
    for name, value in changes.items():
        setattr(tokenizer, name, value)
    tokenizer.save_pretrained(folder)
    return folder


def weights(model: SpladeModel, batch: TokenBatch) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(batch.input_ids, batch.attention_mask, batch.pooled)
    return found


@pytest.mark.parametrize("pad", [None, "[SEP]"])
def test_without_a_padding_token_eos_takes_its_place_and_stays_a_token(pad: str | None, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(checkpoint(tmp_path, pad_token=pad))
    assert tokenizer.pad_token == tokenizer.eos_token == "[SEP]"
    eos = int(tokenizer.eos_token_id)
    batch = Layout(16).batch(tokenizer, [[7, eos, 8, eos], [9]])
    assert batch.input_ids.tolist() == [[7, eos, 8, eos], [9, eos, eos, eos]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1], [1, 0, 0, 0]]  # by length, not by number
    assert batch.pooled.tolist() == [[True, True, True, True], [True, False, False, False]]


def test_without_eos_it_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="it has no padding token; set pad_token"):
        load_tokenizer(checkpoint(tmp_path, pad_token=None, eos_token=None))


def test_a_head_may_have_rows_to_spare_and_no_row_too_few(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "more", 58)
    model, tokenizer = load_lm(folder), load_tokenizer(folder)
    assert len(tokenizer) == 58 < VOCABULARY
    check_vocabulary(model, tokenizer, folder)
    assert weights(SpladeModel(model), Layout(16).batch(tokenizer, [[7, 8, 9]])).shape == (1, VOCABULARY)
    folder = checkpoint(tmp_path / "fewer", VOCABULARY + 4)
    with pytest.raises(
        UserError, match=f"{VOCABULARY} rows, its tokenizer {VOCABULARY + 4} entries, of .* {VOCABULARY + 3};"
    ):
        check_vocabulary(load_lm(folder), load_tokenizer(folder), folder)


def test_a_tokenizer_that_pads_left_is_padded_right(tmp_path: Path) -> None:
    """And each text of the batch has the term weights that it has alone."""
    folder = checkpoint(tmp_path)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "padding_side": "left"}))
    tokenizer = load_tokenizer(folder)
    assert tokenizer.padding_side == "left"
    layout = Layout(16)
    rows = [layout.tokens(tokenizer, [text]).numbers for text in (TEXTS[0], "the")]
    batch = layout.batch(tokenizer, rows)
    assert batch.attention_mask.sum(1).tolist() == [len(row) for row in rows]
    assert batch.attention_mask[:, 0].tolist() == [1, 1] and batch.attention_mask[1, -1] == 0
    model = SpladeModel(load_lm(folder))
    alone = torch.cat([weights(model, layout.batch(tokenizer, [row])) for row in rows])
    assert torch.allclose(weights(model, batch), alone, atol=1e-5)  # rounding of float32 in other shapes
