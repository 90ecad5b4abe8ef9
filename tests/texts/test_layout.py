"""How texts are laid out, position by position, written out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from rescalade.errors import UserError
from rescalade.texts.layout import Layout

WORDS = ["<pad>", "<s>", "</s>", "query", ":", "a", "b", "c", "d", "e"]
PAD, BOS, QUERY, COLON, A, B, C, D, E = 0, 1, 3, 4, 5, 6, 7, 8, 9


def tokenizer(**roles: str) -> PreTrainedTokenizerFast:
    """Words and punctuation; its own template puts <s> before and </s> after a text."""
    whole = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<pad>"))
    whole.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    whole.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", BOS), ("</s>", 2)]
    )
    roles = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", **roles}
    return PreTrainedTokenizerFast(tokenizer_object=whole, **{name: role for name, role in roles.items() if role})


def laid_out(layout: Layout, texts: list[str], of: Any = None) -> list[list[list[int]]]:
    """[input_ids, attention_mask, pooled] as lists."""
    of = of or tokenizer()
    batch = layout.batch(of, layout.tokens(of, texts).rows())
    return [batch.input_ids.tolist(), batch.attention_mask.tolist(), batch.pooled.int().tolist()]


def test_the_tokenizers_own_template_is_a_masked_models() -> None:
    ids, mask, pooled = laid_out(Layout(8), ["a b", "c"])
    assert ids == [[BOS, A, B, 2], [BOS, C, 2, PAD]]
    assert mask == pooled == [[1, 1, 1, 1], [1, 1, 1, 0]]
    assert laid_out(Layout(8, pool_special_tokens=False), ["a b", "c"])[2] == [[0, 1, 1, 0], [0, 1, 0, 0]]


def test_a_causal_model_has_no_special_token_or_bos_alone() -> None:
    assert laid_out(Layout(8, special_tokens="none"), ["a b"])[0] == [[A, B]]
    assert laid_out(Layout(3, special_tokens="bos"), ["a b c", "d"])[:2] == [
        [[BOS, A, B], [BOS, D, PAD]],
        [[1, 1, 1], [1, 1, 0]],
    ]
    with pytest.raises(UserError, match="no BOS token"):
        laid_out(Layout(3, special_tokens="bos"), ["a"], tokenizer(bos_token=""))


def test_a_prompt_counts_towards_the_length_and_can_be_left_out_of_the_max() -> None:
    layout = Layout(4, "query: ", "none")
    assert laid_out(layout, ["a b c", "d"])[0] == [[QUERY, COLON, A, B], [QUERY, COLON, D, PAD]]
    content = Layout(4, "query: ", "none", pool_prompt=False)
    assert laid_out(content, ["a b c", "d"])[2] == [[0, 0, 1, 1], [0, 0, 1, 0]]
    own = Layout(6, "query: ", pool_prompt=False)  # <s> query : a b </s>: the special tokens still take part
    assert laid_out(own, ["a b"])[2] == [[1, 0, 0, 1, 1, 1]]
    nothing = Layout(6, "query: ", "bos", pool_prompt=False, pool_special_tokens=False)
    assert laid_out(nothing, ["a b"])[2] == [[0, 0, 0, 1, 1]]


def test_an_echo_stands_right_after_the_text_and_is_pooled_alone() -> None:
    ids, mask, pooled = laid_out(Layout(8, special_tokens="none", copies="contiguous"), ["a b c", "d"])
    assert ids == [[A, B, C, A, B, C], [D, D, PAD, PAD, PAD, PAD]]
    assert mask == [[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0]]
    assert pooled == [[0, 0, 0, 1, 1, 1], [0, 1, 0, 0, 0, 0]]


def test_an_echo_in_laconics_layout_stands_after_the_padding_to_the_full_length() -> None:
    layout = Layout(4, special_tokens="none", copies="laconic")
    ids, mask, pooled = laid_out(layout, ["a b c", "d"])
    assert ids == [[A, B, C, PAD, A, B, C, PAD], [D, PAD, PAD, PAD, D, PAD, PAD, PAD]]
    assert mask == [[1, 1, 1, 0, 1, 1, 1, 0], [1, 0, 0, 0, 1, 0, 0, 0]]
    assert pooled == [[0, 0, 0, 0, 1, 1, 1, 0], [0, 0, 0, 0, 1, 0, 0, 0]]
    assert laid_out(layout, ["d"])[0] == [ids[1]]  # whatever else is in the batch


def test_the_prompt_is_repeated_with_the_text_and_is_left_out_of_both() -> None:
    layout = Layout(4, "query: ", "none", copies="contiguous", pool_prompt=False)
    ids, _, pooled = laid_out(layout, ["a", "a b"])
    assert ids[1] == [QUERY, COLON, A, B, QUERY, COLON, A, B]
    assert pooled == [[0, 0, 0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0, 1, 1]]


def test_padding_is_known_by_the_mask_where_its_number_is_that_of_a_real_token() -> None:
    same = tokenizer(pad_token="</s>")
    same.padding_side = "left"  # what a tokenizer of a causal model often says; texts stand on the left here
    layout = Layout(8, special_tokens="none")
    batch = layout.batch(same, [[A, 2, B], [C]])
    assert batch.input_ids.tolist() == [[A, 2, B], [C, 2, 2]]
    assert batch.attention_mask.tolist() == batch.pooled.int().tolist() == [[1, 1, 1], [1, 0, 0]]


def test_what_decides_the_numbers_of_a_text_is_in_the_key_of_its_cache() -> None:
    layouts = [
        Layout(4),
        Layout(5),
        Layout(4, "q: "),
        Layout(4, special_tokens="none"),
        Layout(4, special_tokens="bos"),
    ]
    assert len({tuple(layout.key()) for layout in layouts}) == 5
    assert Layout(4, copies="contiguous", pool_prompt=False).key() == Layout(4).key()
    assert Layout(4).key() == ["4"]


def test_no_text_and_an_empty_text_are_a_batch() -> None:
    for copies in ("one", "contiguous", "laconic"):
        layout = Layout(4, special_tokens="none", copies=copies)
        assert laid_out(layout, ["", "a"])[2][0] == [0] * len(laid_out(layout, ["", "a"])[0][0])
        assert len(laid_out(layout, [])[0]) == 0
