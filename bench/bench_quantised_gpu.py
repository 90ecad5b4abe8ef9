"""Queries and documents per second and memory of a model on a GPU: bf16, with torch.compile, and quantised in each way.

    python bench/bench_quantised_gpu.py [--shape 1b] [--queries 200] [--documents 2000]
    python bench/bench_quantised_gpu.py --device cpu --shape tiny --queries 8 --documents 16

A seeded encoder of the layers of Llama-3.2-1B (width 2,048, 16 layers, 32 heads, inner width 8,192) or of Llama-3.1-8B
(4,096, 32, 32, 14,336), as a BERT of V = 30,522 with 73 active terms a text, so that its pooling is that of a trained
model; seeded words, documents log-normal with 62 tokens on average, queries of 8. From text to sparse vector, by the
code of `rescalade speed`: wall seconds, queries one by one, documents in batches of --batch-tokens. Memory is what
torch allocated on the device at most; a way that this machine cannot do is left out with the reason.
Writes bench/results/quantised_gpu.json when the device is a GPU.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from bench_quantised import LENGTH, texts_of
from encoding_problem import TINY, synthetic
from gpu_record import keep
from rescalade.encoding.encoder import Encoder
from rescalade.encoding.measure_speed import measure_rates
from rescalade.encoding.quantise import weight_bytes
from rescalade.encoding.settings import EncodeSettings
from rescalade.errors import UserError
from rescalade.quantisation import QUANTISATIONS

SHAPES = {"tiny": TINY, "1b": (2048, 16, 32, 8192), "8b": (4096, 32, 32, 14336)}


def row(
    folder: Path, texts: tuple[list[str], list[str]], settings: EncodeSettings, device: str, *, compiled: bool
) -> dict[str, float]:
    """Figures of one way."""
    documents, queries = texts
    gpu = device.startswith("cuda")
    if gpu:
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    encoder = Encoder.load(folder, settings, device)
    weights = weight_bytes(encoder.module)
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    if compiled:
        encoder.compile()
    rates = measure_rates(encoder, queries, documents)
    peak = torch.cuda.max_memory_allocated() / 2**20 if gpu else 0.0
    return {**rates.model_dump(), "weights_mb": weights / 2**20, "device_peak_mb": peak}


def run(shape: str, documents: int, queries: int, device: str, batch_tokens: int) -> dict[str, Any]:
    """All ways: {name: figures, or why it is left out}."""
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        words = synthetic(Path(name), SHAPES[shape])
        texts = texts_of(words, documents, queries)
        for how in QUANTISATIONS:
            for compiled in (False, True) if device != "cpu" else (False,):
                title = f"bf16{'' if how == 'none' else f', {how}'}{', torch.compile' if compiled else ''}"
                settings = EncodeSettings(
                    query_length=LENGTH, document_length=LENGTH, precision="bf16", quantise=how,
                    batch_tokens=batch_tokens,
                )  # fmt: skip
                try:
                    rows[title] = row(Path(name), texts, settings, device, compiled=compiled)
                except Exception as error:  # noqa: BLE001  # kernels of other libraries: the others are measured still
                    rows[title] = {"left_out": " ".join(f"{type(error).__name__}: {error}".split())[:300]}
                print(title, rows[title], flush=True)
    return rows


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="1b")
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--batch-tokens", type=int, default=16_384)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu tries the program")
    chosen = parser.parse_args()
    if chosen.device == "cuda" and not torch.cuda.is_available():
        raise UserError("no CUDA device: --device cpu tries the program; bench/bench_quantised.py measures the CPU")
    rows = run(chosen.shape, chosen.documents, chosen.queries, chosen.device, chosen.batch_tokens)
    if chosen.device == "cuda":
        keep("quantised", sys.argv[1:], {"shape": SHAPES[chosen.shape], "rows": rows})


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
