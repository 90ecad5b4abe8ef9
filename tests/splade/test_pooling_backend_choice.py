"""Which back end computes, and what is said where one cannot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from rescalade.errors import UserError
from rescalade.splade.backends import choose
from rescalade.splade.backends.choose import multiplies_bfloat16
from rescalade.splade.pooling import term_weights


@pytest.mark.parametrize(
    ("maker", "flags", "expected", "faster"),
    [
        ("GenuineIntel", "fpu avx512f avx512_bf16", True, False),
        ("GenuineIntel", "fpu avx512_bf16 amx_bf16 amx_tile", True, True),
        ("AuthenticAMD", "fpu avx512f avx512_bf16", True, True),
        ("AuthenticAMD", "fpu avx2 avx512f avx512_vnni", False, False),
        ("another", "fpu avx512_bf16", True, False),
        ("another", "asimd bf16", False, False),
    ],
)
def test_bfloat16_units_are_read_from_the_cpu(
    maker: str, flags: str, expected: bool, faster: bool, tmp_path: Path
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(
        f"processor\t: 0\nvendor_id\t: {maker}\nmodel name\t: some\nflags\t\t: {flags}\n\nprocessor\t: 1\n"
    )
    assert multiplies_bfloat16(cpuinfo) is (expected and torch.backends.mkldnn.is_available())
    assert choose.bfloat16_is_faster(cpuinfo) is faster


def test_a_machine_without_cpuinfo_has_none(tmp_path: Path) -> None:
    assert not multiplies_bfloat16(tmp_path / "absent")


@pytest.mark.parametrize(
    ("units", "faster", "expected"), [(True, True, "auto"), (True, False, "numba"), (False, True, "numba")]
)
def test_auto_on_the_cpu(units: bool, faster: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "multiplies_bfloat16", lambda: units)
    monkeypatch.setattr(choose, "bfloat16_is_faster", lambda: faster)
    tensor = torch.zeros(1, 1)
    assert choose.choose("auto", tensor, tensor) == expected
    assert choose.choose("auto", tensor.double(), tensor.double()) == "portable"
    assert choose.choose("auto", tensor.bfloat16(), tensor) == expected  # computed in float32
    assert choose.choose("auto", tensor.to("meta"), tensor.to("meta")) == "portable"


def attempt(backend: Any, kind: torch.dtype = torch.float32) -> None:
    tensor = torch.zeros(1, 1, dtype=kind)
    term_weights(tensor, torch.tensor([0, 1]), tensor, None, backend=backend)


def test_errors_name_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setattr(choose, "multiplies_bfloat16", lambda: False)
    with pytest.raises(UserError, match=r"'cuda' is unknown; expected one of auto, portable, numba, screen, triton"):
        attempt("cuda")
    with pytest.raises(UserError, match=r"'screen' needs a CPU with AVX512_BF16 or AMX"):
        attempt("screen")
    with pytest.raises(
        UserError, match=r"'numba' needs tensors of float32 or less on the CPU, found torch.float64 on cpu"
    ):
        attempt("numba", torch.float64)
    monkeypatch.setattr(choose, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"'triton' needs the package triton"):
        attempt("triton")
    monkeypatch.setattr(choose, "find_spec", lambda name: object())
    with pytest.raises(UserError, match=r"'triton' needs a CUDA device"):
        attempt("triton")
    with pytest.raises(UserError, match=r"'triton' needs float32, bfloat16 or float16 tensors"):
        attempt("triton", torch.float64)
