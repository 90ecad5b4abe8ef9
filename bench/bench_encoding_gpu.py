"""Documents per second that a base model encodes on a GPU, from texts to files, and by SparseEncoder.encode.

    python bench/bench_encoding_gpu.py [--texts 50000] [--subset 10000]
    python bench/bench_encoding_gpu.py --device cpu --texts 64 --subset 32 --shape tiny

A seeded BERT of base size (12x768, V = 30,522, 73 active terms a text) and seeded words; lengths are log-normal, 62
tokens on average, at most 256. Wall seconds after loading and warming up. Ours: tokenising, sorting by length, batches
of --batch-tokens tokens, writing and checksums included, in float32 and in bfloat16 under autocast. SparseEncoder: the
vectors as it gives them, on a subset, float32 and bfloat16, at the best of its batch sizes. Peak memory is what torch
allocated on the device. Writes bench/results/encoding_gpu.json when the device is a GPU.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from encoding_problem import BASE, TINY, lengths_of, synthetic
from gpu_record import keep
from rescalade.errors import UserError

LENGTH = 256
BATCHES = (32, 128, 512)
SHAPES = {"base": BASE, "tiny": TINY}


def texts_of(words: Sequence[str], count: int) -> list[str]:
    """Texts in random order of length, a word a token."""
    random, place, found = np.random.default_rng(1), 0, []
    for length in lengths_of(count, random):
        if place + int(length) >= len(words):
            place = int(random.integers(0, 1000))
        found.append(" ".join(words[place : place + int(length)]))
        place += int(length)
    return found


def timed(call: Callable[[], Any], device: torch.device) -> tuple[Any, dict[str, float]]:
    """What `call` returns, its wall seconds and the peak memory that torch allocated on the device."""
    gpu = device.type == "cuda"
    if gpu:
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    start = time.perf_counter()
    found = call()
    if gpu:
        torch.cuda.synchronize(device)
    seconds = time.perf_counter() - start
    return found, {
        "seconds": seconds,
        "device_peak_mb": torch.cuda.max_memory_allocated(device) / 2**20 if gpu else 0.0,
    }


def ours(model: Path, texts: list[str], device: torch.device, precision: str, batch_tokens: int) -> dict[str, Any]:
    """Texts to shards on disk."""
    import pyarrow as pa

    from rescalade.encoding import encode
    from rescalade.encoding.settings import EncodeSettings
    from rescalade.encoding.work_folder import WorkFolder
    from rescalade.texts.text_parts import table_texts

    settings = EncodeSettings(
        query_length=LENGTH,
        document_length=LENGTH,
        batch_tokens=batch_tokens,
        precision=precision,  # type: ignore[arg-type]
    )
    encoder = encode.Encoder.load(model, settings, str(device))
    warm = texts[: max(1, len(texts) // 10)]
    encoder.encode([""] * len(warm), encoder.tokens(warm, queries=False), lambda _: None, queries=False)
    plain = encode.Encoder.load
    encode.Encoder.load = lambda *_: encoder  # type: ignore[method-assign, assignment]
    nothing = table_texts(pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())}))
    corpus = table_texts(pa.table({"id": [str(n) for n in range(len(texts))], "text": texts}))
    with tempfile.TemporaryDirectory() as folder:
        job = encode.EncodeJob(model, corpus, nothing, settings, work=WorkFolder(Path(folder) / "vectors"))
        try:
            manifest, row = timed(lambda: job.encode([str(device)], lambda *_: None), device)
        finally:
            encode.Encoder.load = plain  # type: ignore[method-assign]
    return row | {"texts": len(texts), "active_terms": manifest.active_terms, "batch_tokens": batch_tokens}


def theirs(model: Path, texts: list[str], device: torch.device, precision: str) -> dict[str, Any]:
    """SparseEncoder.encode at its best batch size."""
    from sentence_transformers import SparseEncoder

    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    encoder = SparseEncoder(str(model), device=str(device), model_kwargs={"dtype": kind})
    encoder.max_seq_length = LENGTH
    rows: list[dict[str, Any]] = []
    for batch in BATCHES:
        try:
            encoder.encode(texts[:batch], batch_size=batch, show_progress_bar=False)
            _, row = timed(
                lambda size=batch: encoder.encode(texts, batch_size=size, show_progress_bar=False),  # type: ignore[misc]
                device,
            )
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
            continue
        rows.append(row | {"texts": len(texts), "batch": batch})
    if not rows:
        raise UserError(f"SparseEncoder: no batch size of {BATCHES} fits the device's memory")
    return min(rows, key=lambda row: float(row["seconds"]))


def run(shape: str, texts: int, subset: int, device: torch.device, batch_tokens: int) -> dict[str, dict[str, Any]]:
    """All contenders: {name: figures}."""
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        model = Path(name) / "model"
        sample = texts_of(synthetic(model, SHAPES[shape]), texts)
        for precision in ("fp32", "bf16"):
            rows[f"ours, {precision}"] = ours(model, sample, device, precision, batch_tokens)
            rows[f"SparseEncoder, {precision}"] = theirs(model, sample[:subset], device, precision)
    for row in rows.values():
        row["documents_per_second"] = row["texts"] / row["seconds"]
    return rows


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The figures as text."""
    return "\n".join(
        f"{name:22s} {row['documents_per_second']:10,.1f} documents/s  {row['device_peak_mb']:8,.0f} MB on the device"
        for name, row in rows.items()
    )


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=50_000)
    parser.add_argument("--subset", type=int, default=10_000, help="texts that SparseEncoder encodes")
    parser.add_argument("--batch-tokens", type=int, default=32_768)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="base")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda", help="cpu tries the program")
    chosen = parser.parse_args()
    if chosen.device == "cuda" and not torch.cuda.is_available():
        raise UserError("no CUDA device: --device cpu tries the program; bench/bench_encoding.py measures the CPU")
    rows = run(chosen.shape, chosen.texts, chosen.subset, torch.device(chosen.device), chosen.batch_tokens)
    print(table(rows))
    if chosen.device == "cpu":
        return
    keep("encoding", sys.argv[1:], {"shape": SHAPES[chosen.shape], "rows": rows})


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
