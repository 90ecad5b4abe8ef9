"""How fast a loaded model turns texts into sparse vectors."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch

from rescalade.encoding.encoder import Encoder
from rescalade.speed import Rates

WARM_QUERIES = 16
"""Queries that are encoded before the clock starts: kernels are chosen, and compiled where that is asked for."""


def measure_rates(
    encoder: Encoder, queries: Sequence[str], documents: Sequence[str], clock: Callable[[], float] = time.perf_counter
) -> Rates:
    """Queries one by one, then all documents in the encoder's batches; both once before, without the clock.

    Args:
        clock: seconds; time.process_time leaves out what else the machine does, on a CPU.
    """

    def ask(texts: Sequence[str]) -> None:
        for text in texts:
            encoder.encode(["query"], encoder.tokens([text], queries=True), lambda _: None, queries=True)

    def read(texts: Sequence[str]) -> None:
        encoder.encode([""] * len(texts), encoder.tokens(texts, queries=False), lambda _: None, queries=False)

    def seconds(call: Callable[[Sequence[str]], None], texts: Sequence[str]) -> float:
        _finish(encoder)
        start = clock()
        call(texts)
        _finish(encoder)
        return clock() - start

    ask(queries[:WARM_QUERIES])
    asked = seconds(ask, queries)
    read(documents[: max(1, len(documents) // 8)])
    return Rates(
        queries_per_second=len(queries) / asked, documents_per_second=len(documents) / seconds(read, documents)
    )


def _finish(encoder: Encoder) -> None:
    """Wait for a GPU, which works on after a call has returned."""
    if encoder.device.type == "cuda":
        torch.cuda.synchronize(encoder.device)
