"""Which back end computes a call of the pooling."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from rescalade.errors import UserError
from rescalade.splade.backends import Backend

NAMES: tuple[Backend, ...] = get_args(Backend)

CPUINFO = Path("/proc/cpuinfo")

BFLOAT16_UNITS = frozenset({"avx512_bf16", "amx_bf16"})
"""Flags of instruction sets that multiply bfloat16; elsewhere it is emulated, slowly."""

FASTER = {"AuthenticAMD": "avx512_bf16", "GenuineIntel": "amx_bf16"}
"""By maker the units with which a bfloat16 GEMM outruns the float32 one: Intel's AVX512_BF16 takes twice as long."""

TRITON_TYPES = (torch.float32, torch.bfloat16, torch.float16)


def exact_type(hidden: Tensor, weight: Tensor) -> torch.dtype:
    """Type in which all back ends but Triton compute: that of the operands, float32 at least."""
    return torch.promote_types(torch.promote_types(hidden.dtype, weight.dtype), torch.float32)


def choose(backend: Backend, hidden: Tensor, weight: Tensor) -> Backend:
    """The back end for these tensors: itself where one is named, the fastest that applies for `auto`.

    `auto` is triton on CUDA; on the CPU numba for up to float32, and where the CPU is faster in bfloat16 it stays
    `auto`, which then uses the screen call by call; portable for everything else.

    Raises:
        UserError: the name is unknown, or the one named cannot compute these tensors on this machine.
    """
    if backend not in NAMES:
        raise UserError(f"head_backend {backend!r} is unknown; expected one of {', '.join(NAMES)}")
    obstacles: dict[Backend, str] = {}
    if hidden.device.type != "cpu" or exact_type(hidden, weight) != torch.float32:
        obstacles["numba"] = obstacles["screen"] = "tensors of float32 or less on the CPU"
    elif not multiplies_bfloat16():
        obstacles["screen"] = "a CPU with AVX512_BF16 or AMX"
    if find_spec("triton") is None:
        obstacles["triton"] = "the package triton (pip install 'rescalade[gpu]')"
    elif hidden.dtype not in TRITON_TYPES or weight.dtype not in TRITON_TYPES:
        obstacles["triton"] = "float32, bfloat16 or float16 tensors"
    elif hidden.device.type != "cuda" and not (hidden.device.type == "cpu" and interpreted()):
        obstacles["triton"] = "a CUDA device"
    if backend in obstacles:
        raise UserError(
            f"head_backend {backend!r} needs {obstacles[backend]}, found {hidden.dtype} on {hidden.device}; "
            "use 'auto' or 'portable'"
        )
    if backend != "auto":
        return backend
    if hidden.device.type == "cuda" and "triton" not in obstacles:
        return "triton"
    if "screen" not in obstacles and bfloat16_is_faster():
        return "auto"
    return "portable" if "numba" in obstacles else "numba"


def interpreted() -> bool:
    """Whether Triton runs its kernels in Python, on tensors of the CPU: for tests, not for work."""
    return os.environ.get("TRITON_INTERPRET") == "1"


@cache
def multiplies_bfloat16(cpuinfo: Path = CPUINFO) -> bool:
    """Whether this CPU multiplies bfloat16 in hardware and torch has the library that uses it."""
    return torch.backends.mkldnn.is_available() and not BFLOAT16_UNITS.isdisjoint(_words(cpuinfo, "flags"))


@cache
def bfloat16_is_faster(cpuinfo: Path = CPUINFO) -> bool:
    """Whether a bfloat16 GEMM outruns the float32 one on a CPU of this maker with these units.

    No stopwatch decides: the screen's weights can differ from the exact path's in the last bit, and a run that goes on
    in another process must give the bits of the unbroken one.
    """
    flags = _words(cpuinfo, "flags")
    return any(FASTER.get(maker) in flags for maker in _words(cpuinfo, "vendor_id"))


def _words(cpuinfo: Path, key: str) -> list[str]:
    """What is said of the first processor under a key; nothing where the file or the key is missing."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return []
    return next((line.partition(":")[2].split() for line in lines if line.startswith(key)), [])
