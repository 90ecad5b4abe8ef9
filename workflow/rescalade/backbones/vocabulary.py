"""A WordPiece vocabulary trained on the training text only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""Numbers 0 to 4 of every vocabulary made here, as in BERT's order of roles."""


def train_wordpiece(texts: Sequence[str], size: int, *, lowercase: bool = True) -> Tokenizer:
    """Train a WordPiece tokenizer; the same texts give the same vocabulary, bit for bit."""
    return wordpiece(learn_pieces(texts, size, lowercase=lowercase), lowercase=lowercase)


def learn_pieces(texts: Sequence[str], size: int, *, lowercase: bool = True) -> list[str]:
    """Pieces of a vocabulary of at most `size` entries, in the order of their numbers, special tokens first.

    The trainer of `tokenizers` numbers continuation pieces such as ##a in hash order and breaks ties
    between equally frequent pairs by these numbers. Declaring them beforehand fixes the order; the pieces
    found are numbered anew, alphabetically after the special tokens.
    """
    from tokenizers import Tokenizer, models, trainers

    trainee = _blank(Tokenizer(models.WordPiece(unk_token="[UNK]")), lowercase=lowercase)
    written: set[str] = set()
    for text in texts:
        written.update(text)
    # each by itself: the normaliser looks at one character at a time
    normalise = trainee.normalizer.normalize_str
    characters = {character for each in written for character in normalise(each)}
    alphabet = sorted(character for character in characters if not character.isspace())
    continuations = [f"##{character}" for character in alphabet]
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=[*SPECIAL_TOKENS, *continuations],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    trainee.train_from_iterator(texts, trainer)
    return [*SPECIAL_TOKENS, *sorted(set(trainee.get_vocab()) - set(SPECIAL_TOKENS))]


def wordpiece(pieces: Sequence[str], *, lowercase: bool = True) -> Tokenizer:
    """A WordPiece tokenizer of these pieces, numbered in their order."""
    from tokenizers import Tokenizer, models

    numbered = {piece: number for number, piece in enumerate(pieces)}
    return _blank(
        Tokenizer(models.WordPiece(numbered, unk_token="[UNK]", max_input_chars_per_word=100)), lowercase=lowercase
    )


def _blank(tokenizer: Tokenizer, *, lowercase: bool) -> Tokenizer:
    """Everything but the vocabulary: BERT's normalisation, words, special tokens around a text."""
    from tokenizers import decoders, normalizers, pre_tokenizers, processors

    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    number = SPECIAL_TOKENS.index
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, number(token)) for token in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def as_transformers(tokenizer: Tokenizer, length: int, *, causal: bool = False) -> PreTrainedTokenizerFast:
    """Wrap for transformers, so that AutoTokenizer loads it from a model folder.

    Args:
        causal: [CLS] and [SEP] are then the beginning and the end of a text, BOS and EOS, and there is no [MASK].
    """
    from transformers import PreTrainedTokenizerFast

    if causal:
        roles = {"bos_token": "[CLS]", "eos_token": "[SEP]"}
    else:
        roles = {"cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=length,
        pad_token="[PAD]",
        unk_token="[UNK]",
        **roles,
        model_input_names=["input_ids", "attention_mask"],
    )
