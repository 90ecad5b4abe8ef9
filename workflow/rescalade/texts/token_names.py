"""What the terms of a model are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def token_names(tokenizer: PreTrainedTokenizerBase, terms: int) -> list[str]:
    """Tokens by number, `terms` of them; empty where no token has the number.

    Such are the rows that pad an output projection, and holes among a vocabulary's numbers, which the count of its
    entries does not tell.
    """
    names = {number: token for token, number in tokenizer.get_vocab().items()}
    return [names.get(number, "") for number in range(terms)]
