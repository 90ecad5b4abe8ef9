"""What a plan takes for granted where nothing has been measured yet; each can be set on the command line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Assumptions:
    """Lengths, sparsity and speed.

    query_tokens, document_tokens: mean length in tokens, special ones included, before a text is cut. active_terms: of
    a document. teraflops: peak of the GPU for bf16; float32 has a sixteenth, as on NVIDIA's A100 (312 and 19.5).
    utilisation: share of the peak that is reached. train_tokens_per_second, encode_per_second (documents): instead of
    both, for every backbone. gpu_memory: of a GPU, in GB. parallel: jobs that train at the same time, each with a
    checkpoint.
    """

    query_tokens: float = 12.0
    document_tokens: float = 100.0
    active_terms: float = 180.0
    teraflops: float = 312.0
    utilisation: float = 0.3
    train_tokens_per_second: float | None = None
    encode_per_second: float | None = None
    gpu_memory: float = 80.0
    parallel: int = 1

    def flops(self, precision: str) -> float:
        """Multiplications and additions per second."""
        peak = self.teraflops * 1e12
        return self.utilisation * (peak if precision == "bf16" else peak / 16)
