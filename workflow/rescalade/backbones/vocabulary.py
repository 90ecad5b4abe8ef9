"""A WordPiece vocabulary trained on the training text only."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""Numbers 0 to 4 of every vocabulary made here, as in BERT's order of roles."""


def train_wordpiece(texts: Iterable[str], size: int) -> Tokenizer:
    """Train a lower-casing WordPiece tokenizer; the same texts give the same vocabulary.

    The trainer of `tokenizers` breaks ties between equally frequent pieces by hash order, so it is
    given each distinct word once with its count, in sorted order: then its result is stable.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, min_frequency=2, special_tokens=list(SPECIAL_TOKENS), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    # The trainer breaks ties by hash order; number the pieces by themselves so that bytes are stable.
    pieces = sorted(set(tokenizer.get_vocab()) - set(SPECIAL_TOKENS))
    numbered = {piece: number for number, piece in enumerate([*SPECIAL_TOKENS, *pieces])}
    tokenizer.model = models.WordPiece(numbered, unk_token="[UNK]", max_input_chars_per_word=100)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", numbered["[CLS]"]), ("[SEP]", numbered["[SEP]"])],
    )
    return tokenizer


def as_transformers(tokenizer: Tokenizer, length: int) -> PreTrainedTokenizerFast:
    """Wrap for transformers, so that AutoTokenizer loads it from a model folder."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=length,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
    )


def vocabulary_of(tokenizer: Tokenizer) -> list[str]:
    """Pieces in order of their numbers."""
    return [piece for piece, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]


def tokenizer_json(tokenizer: Tokenizer) -> str:
    """Canonical JSON of a tokenizer, for digests."""
    return json.dumps(json.loads(tokenizer.to_str()), sort_keys=True)
