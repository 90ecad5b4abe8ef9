"""Vectors of causal models under each reading, against what transformers computes of texts laid out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rescalade.encoding.encoder import Encoder
from rescalade.errors import UserError
from rescalade.models.reading import set_reading
from rescalade.models.splade_config import FILE, SpladeConfig
from support.encoding import small_tokenizer, splade_config
from support.families import tiny_form

QUERY = "abc"


def folder(path: Path, reading: Any = "causal", **how: Any) -> Path:
    """A tiny llama with the tokenizer of these tests, which has a template of special tokens."""
    model = tiny_form("llama")
    set_reading(model, reading, path)
    model.save_pretrained(path)
    small_tokenizer().save_pretrained(path)
    splade_config(**{"special_tokens": "none", "reading": reading, **how}).write(path / FILE)
    return path


def vector(path: Path, text: str) -> torch.Tensor:
    """[V] of a query by the encoder."""
    found = Encoder.load(path).encode_query(text)
    dense = torch.zeros(60)
    dense[torch.from_numpy(found.terms).long()] = torch.from_numpy(found.weights)
    return dense


def by_hand(path: Path, ids: list[int], pooled: slice = slice(None), bidirectional: bool = False) -> torch.Tensor:
    """[V]: logits of one unpadded row, then the equation."""
    model = tiny_form("llama")
    size = len(ids)
    mask = torch.zeros(1, 1, size, size) if bidirectional else torch.ones(1, size)
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([ids]), attention_mask=mask).logits[0, pooled]
    return torch.log1p(torch.relu(logits.amax(0)))


def numbers(text: str) -> list[int]:
    found: list[int] = small_tokenizer()(text, add_special_tokens=False)["input_ids"]
    return found


def test_no_special_token_is_added(tmp_path: Path) -> None:
    ids = numbers(QUERY)
    assert len(ids) > 1
    torch.testing.assert_close(vector(folder(tmp_path / "m"), QUERY), by_hand(tmp_path, ids), rtol=1e-5, atol=1e-6)


def test_both_ways(tmp_path: Path) -> None:
    found, ids = vector(folder(tmp_path / "m", "bidirectional"), QUERY), numbers(QUERY)
    torch.testing.assert_close(found, by_hand(tmp_path, ids, bidirectional=True), rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found, by_hand(tmp_path, ids), atol=1e-3)


def test_an_echo_is_two_copies_of_which_the_second_counts(tmp_path: Path) -> None:
    ids = numbers(QUERY)
    found = vector(folder(tmp_path / "m", "echo"), QUERY)
    torch.testing.assert_close(found, by_hand(tmp_path, ids + ids, slice(len(ids), None)), rtol=1e-5, atol=1e-6)


def test_prompt_and_content_only_pooling(tmp_path: Path) -> None:
    content = {"query_prompt": "ab ", "pool_prompt": False, "pool_special_tokens": False}
    whole, before = numbers("ab " + QUERY), len(numbers("ab"))
    found = vector(folder(tmp_path / "m", **content), QUERY)
    torch.testing.assert_close(found, by_hand(tmp_path, whole, slice(before, None)), rtol=1e-5, atol=1e-6)
    found = vector(folder(tmp_path / "all", query_prompt="ab "), QUERY)
    torch.testing.assert_close(found, by_hand(tmp_path, whole), rtol=1e-5, atol=1e-6)


def test_a_text_has_the_same_vector_alone_and_beside_longer_ones(tmp_path: Path) -> None:
    for reading, layout in (("causal", "contiguous"), ("echo", "contiguous"), ("echo", "laconic")):
        encoder = Encoder.load(folder(tmp_path / f"{reading}-{layout}", reading, echo_layout=layout))
        texts = [QUERY, "a", "abc abc ab"]
        together, _ = encoder.encode(list("abc"), encoder.tokens(texts, queries=True), lambda _: None, queries=True)
        for row, text in enumerate(texts):
            alone = encoder.encode_query(text)
            part = slice(together.offsets[row], together.offsets[row + 1])
            assert together.terms[part].tolist() == alone.terms.tolist()
            np.testing.assert_allclose(together.weights[part], alone.weights, rtol=1e-5, atol=1e-6)


def test_an_echo_needs_positions_for_both_copies(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"document_length 40: .* 64 tokens for both copies .* 32 or less"):
        Encoder.load(folder(tmp_path / "m", "echo", document_length=40))


def test_a_folder_of_another_reading_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path / "m", "bidirectional")
    how = SpladeConfig.read(path / FILE)
    how.model_copy(update={"reading": "echo"}).write(path / FILE)
    with pytest.raises(UserError, match=r"its config\.json says bidirectional"):
        Encoder.load(path)
