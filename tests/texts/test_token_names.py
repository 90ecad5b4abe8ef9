"""Names of terms, where numbers of tokens have holes and rows stand beyond them."""

from __future__ import annotations

from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from rescalade.texts.token_names import token_names


def test_a_hole_and_a_padded_row_have_no_name() -> None:
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({"[UNK]": 0, "one": 1, "three": 3}, unk_token="[UNK]")),
        unk_token="[UNK]",
    )
    assert token_names(tokenizer, 6) == ["[UNK]", "one", "", "three", "", ""]
