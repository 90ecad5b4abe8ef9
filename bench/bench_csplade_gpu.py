"""Tokens per second and memory of a step of CSPLADE on a GPU: Llama's 1B and 8B shapes with adapters, compiled or not.

    python bench/bench_csplade_gpu.py [--shapes 1b 8b] [--steps 6]
    python bench/bench_csplade_gpu.py --device cpu --shapes tiny --steps 3

Random weights, made on the device in bf16, by the recipes csplade-1b and csplade-8b: 32 queries of 32 tokens with 16
documents of 128 each, all at their full length, adapters, layers computed again where the recipe says so. With random
weights nearly all terms are active, so the pooling has as much to do as it ever has. By the trainer of
`rescalade train`: wall seconds from the end of one step to the end of the next, the median of those after the first;
tokens of queries and documents. Memory is what torch allocated on the device at most, weights included.
`torch.compile` compiles the language model; what this machine cannot do is left out with the reason.
Writes bench/results/csplade_gpu.json when the device is a GPU.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from gpu_record import keep
from rescalade.config import load_config
from rescalade.errors import UserError
from rescalade.models.lora import add_adapters
from rescalade.splade.model import SpladeModel
from rescalade.training.examples import Examples, packed
from rescalade.training.settings import TrainSettings
from rescalade.training.train import train

SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {"hidden_size": 32, "num_hidden_layers": 2, "intermediate_size": 64, "num_attention_heads": 4,
             "num_key_value_heads": 2, "vocab_size": 500, "tie_word_embeddings": True},
    "1b": {"hidden_size": 2048, "num_hidden_layers": 16, "intermediate_size": 8192, "num_attention_heads": 32,
           "num_key_value_heads": 8, "vocab_size": 128_256, "tie_word_embeddings": True},
    "8b": {"hidden_size": 4096, "num_hidden_layers": 32, "intermediate_size": 14_336, "num_attention_heads": 32,
           "num_key_value_heads": 8, "vocab_size": 128_256, "tie_word_embeddings": False},
}  # fmt: skip
"""Of Llama-3.2-1B, of Llama-3.1-8B, and one that tries the program."""
RECIPES = {"1b": ("csplade", "llama-3.2-1b"), "8b": ("csplade-8b", "llama-3.1-8b"), "tiny": ("csplade", "llama-3.2-1b")}
"""Experiment and backbone whose settings are taken."""
TINY = {"batch_size": 2, "negatives": 1, "query_length": 8, "document_length": 16}
"""Over the recipe's settings, for the tiny shape."""


class Tokenizer:
    """What training on token numbers needs of a tokenizer."""

    pad_token_id = 0
    all_special_ids = (0,)


def settings_of(shape: str, steps: int) -> TrainSettings:
    """The recipe's, for so many steps and without a checkpoint before the last."""
    experiment, backbone = RECIPES[shape]
    found = load_config([], experiment).train_settings(backbone)
    changes = {"max_steps": steps, "checkpoint_every": steps, **(TINY if shape == "tiny" else {})}
    return TrainSettings(**{**found.model_dump(), **changes})


def model_of(shape: str, settings: TrainSettings, device: torch.device) -> SpladeModel:
    """Random weights on the device with adapters in them: matrices in bf16, vectors in float32."""
    before = torch.get_default_dtype()
    torch.manual_seed(0)
    try:
        torch.set_default_dtype(torch.bfloat16)
        with device:
            model = LlamaForCausalLM(LlamaConfig(**SHAPES[shape]))
    finally:
        torch.set_default_dtype(before)
    for parameter in model.parameters():
        if parameter.ndim < 2:
            parameter.data = parameter.data.float()
    assert settings.lora is not None
    add_adapters(model, settings.lora.model_copy(update={"frozen_weights": "bf16"}), 0)
    return SpladeModel(model)


def examples_of(shape: str, settings: TrainSettings) -> Examples:
    """Random tokens, every text as long as may be, enough for all steps."""
    count, chance = settings.batch_size * settings.accumulation * int(settings.max_steps or 1), np.random.default_rng(0)
    vocabulary, documents = SHAPES[shape]["vocab_size"], 1 + settings.negatives
    numbers = np.arange(count)
    return Examples(
        queries=packed(chance.integers(1, vocabulary, (count, settings.query_length))),
        documents=packed(chance.integers(1, vocabulary, (count * documents, settings.document_length))),
        rows=np.column_stack([numbers, numbers[:, None] * documents + np.arange(documents)]),
    )


def row(shape: str, settings: TrainSettings, device: torch.device, *, compiled: bool) -> dict[str, float]:
    """Figures of one way: seconds of a step, tokens per second, peak memory and that of the weights."""
    gpu = device.type == "cuda"
    if gpu:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    model, data = model_of(shape, settings, device), examples_of(shape, settings)
    if compiled:
        model.masked_lm.compile()
    ends: list[float] = []

    def progress(done: int, total: int, values: dict[str, float]) -> None:
        if gpu:
            torch.cuda.synchronize(device)
        ends.append(time.perf_counter())

    tokenizer: Any = Tokenizer()
    with tempfile.TemporaryDirectory() as checkpoints:
        train(model, tokenizer, data, settings, 0, Path(checkpoints), progress)
    seconds = statistics.median(after - before for before, after in itertools.pairwise(ends))
    texts = settings.batch_size * settings.accumulation
    tokens = texts * (settings.query_length + (1 + settings.negatives) * settings.document_length)
    return {
        "step_seconds": seconds,
        "tokens": tokens,
        "tokens_per_second": tokens / seconds,
        "weights_gb": sum(parameter.nbytes for parameter in model.parameters()) / 1e9,
        "device_peak_gb": torch.cuda.max_memory_allocated(device) / 1e9 if gpu else 0.0,
    }


def run(shapes: list[str], steps: int, device: torch.device) -> dict[str, Any]:
    """All ways: {name: figures, or why it is left out}."""
    rows: dict[str, Any] = {}
    for shape in shapes:
        settings = settings_of(shape, steps)
        for compiled in (False, True) if device.type == "cuda" else (False,):
            title = f"{shape}{', torch.compile' if compiled else ''}"
            try:
                rows[title] = row(shape, settings, device, compiled=compiled)
            except Exception as error:  # noqa: BLE001  # a way that this machine cannot do: the others are measured still
                rows[title] = {"left_out": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
            print(title, rows[title], flush=True)
    return rows


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=sorted(SHAPES), default=["1b", "8b"])
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu tries the program")
    chosen = parser.parse_args()
    if chosen.device == "cuda" and not torch.cuda.is_available():
        raise UserError("no CUDA device: --device cpu --shapes tiny tries the program")
    if chosen.steps < 2:
        raise UserError(f"--steps {chosen.steps}: at least 2, since the first one is not counted")
    rows = run(chosen.shapes, chosen.steps, torch.device(chosen.device))
    if chosen.device == "cuda":
        keep("csplade", sys.argv[1:], {"shapes": {name: SHAPES[name] for name in chosen.shapes}, "rows": rows})


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
