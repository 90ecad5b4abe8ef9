"""Masking for pretraining: 80 / 10 / 10.

The kept tenth matters here: with pure [MASK] the head never learns to name the token it sees, and
SPLADE training then starts from term weights that ignore the text.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rescalade.backbones.settings import PretrainSettings
from rescalade.backbones.vocabulary import SPECIAL_TOKENS

MASK = SPECIAL_TOKENS.index("[MASK]")


def mask_tokens(
    tokens: NDArray[np.int64], settings: PretrainSettings, vocabulary: int, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Choose tokens to predict and hide most of them.

    Args:
        tokens: [B, L] packed token numbers; special tokens are never selected.
        vocabulary: V, for the random replacements.

    Returns:
        ([B, L] model input, [B, L] True where the original token is to be predicted).
    """
    selected = (random.random(tokens.shape) < settings.mask_ratio) & (tokens >= len(SPECIAL_TOKENS))
    fate = random.random(tokens.shape)
    hidden = selected & (fate < settings.mask_token_share)
    replaced = selected & ~hidden & (fate < settings.mask_token_share + settings.random_token_share)
    inputs = np.where(hidden, MASK, tokens)
    substitutes = random.integers(len(SPECIAL_TOKENS), vocabulary, tokens.shape)
    return np.where(replaced, substitutes, inputs), selected
