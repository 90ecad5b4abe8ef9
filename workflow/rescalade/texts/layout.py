"""How a text is laid out for a model: prompt, special tokens, a second copy, and the positions that are pooled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from rescalade.errors import UserError
from rescalade.texts.text_settings import SpecialTokens
from rescalade.texts.token_batch import TokenBatch
from rescalade.texts.tokenizer_state import unchanged
from rescalade.texts.tokens import Tokens, packed

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Copies = Literal["one", "contiguous", "laconic"]


@dataclass(frozen=True)
class Layout:
    """Texts of one side, queries or documents, of one model.

    length: tokens at which a text is cut, prompt and special tokens included. copies: `one`; or two, the second
    right after the first (`contiguous`) or after the first and its padding to `length` (`laconic`), of which only the
    second is pooled. pool_special_tokens, pool_prompt: whether these take part in the max. lower_case: whether the
    tokenizer that it is used with was made to write in lower case (`rescalade.texts.tokenizer_state`).
    """

    length: int
    prompt: str = ""
    special_tokens: SpecialTokens = "own"
    copies: Copies = "one"
    pool_special_tokens: bool = True
    pool_prompt: bool = True
    lower_case: bool = False

    def key(self) -> list[str]:
        """What decides the token numbers of a text, beside its tokenizer."""
        decided = [self.prompt] if self.prompt else []
        decided += [] if self.special_tokens == "own" else [f"<{self.special_tokens}>"]
        return [str(self.length), *decided, *(["<lower case>"] if self.lower_case else [])]

    def tokens(self, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Tokens:
        """Token numbers of texts; a second copy is not among them."""
        return self.packed(tokenizer, [texts])

    def packed(self, tokenizer: PreTrainedTokenizerBase, parts: Iterable[Sequence[str]]) -> Tokens:
        """Token numbers of texts that come in parts.

        Raises:
            UserError: BOS is asked for and the tokenizer has none.
        """
        asked = ([self.prompt + text for text in part] for part in parts) if self.prompt else parts
        if self.special_tokens == "own":
            return packed(tokenizer, asked, self.length)
        if self.special_tokens == "none":
            return packed(tokenizer, asked, self.length, special_tokens=False)
        if tokenizer.bos_token_id is None:
            raise UserError("bos: the tokenizer of this model has no BOS token; leave `bos` out")
        found = packed(tokenizer, asked, self.length - 1, special_tokens=False)
        numbers = np.insert(found.numbers, found.offsets[:-1], int(tokenizer.bos_token_id))
        return Tokens(numbers, found.offsets + np.arange(len(found.offsets)), found.cut)

    def batch(
        self, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Sequence[int] | NDArray[np.int32]]
    ) -> TokenBatch:
        """Pad to the longest row, on the right.

        Args:
            rows: token numbers per text, as `tokens` gives them.

        Padding is known by the mask alone: its number may be that of a real token, as where pad is eos.
        """
        lengths = np.array([len(row) for row in rows], np.int64)
        numbers, mask = _padded(rows, lengths, max(1, lengths.max(initial=1)), int(tokenizer.pad_token_id))
        pooled = mask.copy()
        if not self.pool_prompt:
            pooled[:, self._prompt_places(tokenizer)] = False
        if not self.pool_special_tokens:
            pooled &= ~np.isin(numbers, sorted(tokenizer.all_special_ids))
        if self.copies == "contiguous":
            places = np.flatnonzero(mask)
            rows = [np.tile(np.asarray(row, np.int32), 2) for row in rows]
            first, chosen = numbers, pooled[mask]
            numbers, mask = _padded(rows, 2 * lengths, max(1, 2 * first.shape[1]), int(tokenizer.pad_token_id))
            width, (text, place) = first.shape[1], np.divmod(places, first.shape[1] or 1)
            pooled = np.zeros((len(rows), 2 * width), np.bool_)
            pooled[text, place + lengths[text]] = chosen
        elif self.copies == "laconic":
            spare = ((0, 0), (0, self.length - numbers.shape[1]))
            numbers = np.tile(np.pad(numbers, spare, constant_values=int(tokenizer.pad_token_id)), 2)
            mask, pooled = np.tile(np.pad(mask, spare), 2), np.pad(pooled, spare)
            pooled = np.concatenate([np.zeros_like(pooled), pooled], axis=1)
        return TokenBatch(torch.from_numpy(numbers), torch.from_numpy(mask.astype(np.int64)), torch.from_numpy(pooled))

    def _prompt_places(self, tokenizer: PreTrainedTokenizerBase) -> slice:
        """Positions of the prompt without its last blanks, which the usual vocabularies join to the text's first word.

        They come after the special tokens that begin a text.
        """
        with unchanged(tokenizer):
            prompt = tokenizer(self.prompt.rstrip(), add_special_tokens=False)["input_ids"]
            template = tokenizer(self.prompt.rstrip())["input_ids"]
        before = int(self.special_tokens == "bos")
        if self.special_tokens == "own":
            special = set(tokenizer.all_special_ids)
            before = next((place for place, number in enumerate(template) if number not in special), 0)
        return slice(before, before + len(prompt))


def _padded(
    rows: Sequence[Sequence[int] | NDArray[np.int32]], lengths: NDArray[np.int64], width: int, pad: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Rows as [B, width] numbers with the mask of those that are theirs."""
    mask: NDArray[np.bool_] = np.arange(width) < lengths[:, None]
    numbers: NDArray[np.int64] = np.full(mask.shape, pad, np.int64)
    if len(rows):
        numbers[mask] = np.concatenate(rows)
    return numbers, mask
