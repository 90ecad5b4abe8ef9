"""What the CPU can do: bfloat16 products in hardware."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch

CPUINFO = Path("/proc/cpuinfo")

BFLOAT16_UNITS = frozenset({"avx512_bf16", "amx_bf16"})
"""Flags of instruction sets with which a bfloat16 GEMM outruns the float32 one; elsewhere it is emulated, slower."""


@cache
def multiplies_bfloat16(cpuinfo: Path = CPUINFO) -> bool:
    """Whether this CPU has such a unit and torch the library that uses it."""
    if not torch.backends.mkldnn.is_available():
        return False
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return False
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), [])
    return not BFLOAT16_UNITS.isdisjoint(flags)
