"""speed/DATASET.json: how fast a run encodes one query at a time and documents in batches, and in what memory."""

from __future__ import annotations

from rescalade.quantisation import Quantisation
from rescalade.stored import Stored
from rescalade.strict import Strict


class Rates(Strict):
    """Texts per second of the wall clock, from text to sparse vector, after warming up.

    queries_per_second: one after another, each alone in its batch. documents_per_second: in batches by length.
    """

    queries_per_second: float
    documents_per_second: float


class Speed(Stored):
    """What `rescalade speed` found.

    device: cpu, or the GPU's name. threads: of PyTorch on the CPU. queries, documents: texts that were timed.
    plain: as `encode` does it. compiled: with torch.compile, on a GPU alone. weights_bytes: of parameters and buffers,
    quantised ones by their codes and scales. device_peak_bytes: allocated on the GPU at most; None on a CPU.
    """

    quantise: Quantisation
    precision: str
    device: str
    threads: int
    queries: int
    documents: int
    plain: Rates
    compiled: Rates | None
    weights_bytes: int
    device_peak_bytes: int | None
