"""Pretraining of a small backbone by masked tokens, or of a causal one by the next token; resumable."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from rescalade.backbones.architecture import build_model, initialise_head
from rescalade.backbones.pretraining_tokens import pretraining_tokens
from rescalade.backbones.settings import PretrainSettings
from rescalade.backbones.vocabulary import SPECIAL_TOKENS
from rescalade.progress import Progress
from rescalade.splade.model import SpladeModel
from rescalade.texts.tokens import Tokens
from rescalade.training.checkpoint import load_checkpoint, restore_training, save_checkpoint, training_tensors
from rescalade.training.optimizer import adamw
from rescalade.training.schedule import linear_factor, part_of_steps

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)
CHECKPOINT_EVERY = 100
MASK = SPECIAL_TOKENS.index("[MASK]")


@dataclass(frozen=True)
class Pretrained:
    """A finished backbone: model, its tokenizer and one history row per step (step, loss, accuracy)."""

    model: PreTrainedModel
    tokenizer: Tokenizer
    history: list[dict[str, float]]


def pretrain(
    settings: PretrainSettings,
    texts: Sequence[str],
    checkpoints: Path,
    progress: Progress | None = None,
    device: str = "cpu",
    tokens: Path | None = None,
) -> Pretrained:
    """Train vocabulary and model on `texts`; of a masked model the loss counts selected positions only.

    Args:
        texts: the pretraining text in a fixed order; neighbours in the list share a context window.
        checkpoints: folder for whole checkpoints; a later call with the same settings goes on from there.
        progress: called after each step with (step, steps, {"loss", "accuracy"}).
        tokens: folder in which pretrainings leave vocabulary and tokens of their text to one another.

    The decoder is applied to those positions alone, so a step of a masked model costs little more than the encoder.
    """
    tokenizer, found = pretraining_tokens(texts, settings.vocabulary, tokens, lowercase=settings.lowercase)
    stream = _token_stream(found, causal=settings.causal)
    vocabulary = tokenizer.get_vocab_size()
    torch.manual_seed(settings.seed)
    masked_lm = build_model(settings, vocabulary)
    initialise_head(masked_lm, settings, np.bincount(stream, minlength=vocabulary))
    model = SpladeModel(masked_lm).to(device)
    model.train()
    optimizer = adamw(
        model, learning_rate=settings.learning_rate, weight_decay=settings.weight_decay, betas=(0.9, 0.98), epsilon=1e-6
    )
    history: list[dict[str, float]] = []
    saved = load_checkpoint(checkpoints)
    if saved is not None:
        restore_training(model, optimizer, saved[0])
        history = saved[1]["history"]
        logger.info("resumed after step %d", len(history))
    warmup = part_of_steps(settings.steps, settings.warmup_ratio)
    for step, sequences in _batches(stream, settings, start=len(history)):
        if settings.causal:
            inputs, selected, sequences = next_tokens(sequences)
        else:
            random = np.random.default_rng([settings.seed, 1, step])
            inputs, selected = mask_tokens(sequences, settings, vocabulary, random)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * linear_factor(step + 1, settings.steps + 1, warmup)
        batch = (torch.from_numpy(array).to(device) for array in (inputs, sequences, selected))
        row = _step(model, optimizer, *batch)
        history.append({"step": step, **row})
        if progress is not None:
            progress(step + 1, settings.steps, row)
        if (step + 1) % CHECKPOINT_EVERY == 0 and step + 1 < settings.steps:
            state: dict[str, Any] = {"history": history}
            save_checkpoint(checkpoints, step + 1, training_tensors(model, optimizer), state)
    model.restore_decoder()
    masked_lm.cpu().eval()
    return Pretrained(masked_lm, tokenizer, history)


def _step(
    model: SpladeModel,
    optimizer: torch.optim.Optimizer,
    inputs: torch.Tensor,
    originals: torch.Tensor,
    selected: torch.Tensor,
) -> dict[str, float]:
    hidden = model.decoder_inputs(inputs, torch.ones_like(inputs))
    logits = functional.linear(hidden[selected], model.head.weight, model.head.bias)
    targets = originals[selected]
    loss = functional.cross_entropy(logits, targets)
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    found = logits.detach()  # of equal ones each counts; `argmax` would take 50 times as long as the maximum
    accuracy = (found.gather(1, targets[:, None])[:, 0] == found.amax(1)).float().mean()
    return {"loss": float(loss.detach()), "accuracy": float(accuracy)}


def _token_stream(tokens: Tokens, *, causal: bool) -> NDArray[np.int64]:
    """All texts one after another, each with its [CLS] and [SEP], for a causal model with [SEP] alone, as [N]."""
    numbers = np.delete(tokens.numbers, tokens.offsets[:-1]) if causal else tokens.numbers
    return numbers.astype(np.int64)


def _batches(
    stream: NDArray[np.int64], settings: PretrainSettings, start: int
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Batches [B, L] of consecutive windows in a seeded order, a new offset and order each epoch."""
    step, epoch = 0, 0
    while step < settings.steps:
        random = np.random.default_rng([settings.seed, 0, epoch])
        offset = int(random.integers(0, settings.length))
        windows = (len(stream) - offset) // settings.length
        sequences = stream[offset : offset + windows * settings.length].reshape(windows, settings.length)
        order = random.permutation(windows)
        for first in range(0, max(1, windows - settings.batch_size + 1), settings.batch_size):
            if step >= settings.steps:
                return
            if step >= start:
                yield step, sequences[order[first : first + settings.batch_size]]
            step += 1
        epoch += 1


def next_tokens(tokens: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """What a causal model predicts: at every position but the last the token after it.

    Args:
        tokens: [B, L] packed token numbers.

    Returns:
        ([B, L] model input, [B, L] True where there is a next token, [B, L] that token).
    """
    targets = np.roll(tokens, -1, axis=1)
    selected = np.ones(tokens.shape, np.bool_)
    selected[:, -1] = False
    return tokens, selected, targets


def mask_tokens(
    tokens: NDArray[np.int64], settings: PretrainSettings, vocabulary: int, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Choose tokens to predict and hide most of them: 80 / 10 / 10.

    The kept tenth matters: with pure [MASK] the head never learns to name the token it sees, and SPLADE training then
    starts from term weights that ignore the text.

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
