"""The CUDA kernels without a GPU: their results in Triton's interpreter, their machine code from its compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.graph import REPOSITORY

pytestmark = pytest.mark.triton


def interpret(*arguments: str) -> None:
    """Run pytest in a process of its own: the interpreter is chosen when the kernels are imported."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONWARNINGS": "ignore"}
    environment.pop("PYTEST_XDIST_WORKER", None)
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    assert "skipped" not in ended.stdout


@pytest.mark.slow
def test_the_cases_of_all_back_ends_and_small_tiles() -> None:
    double = "tests/splade/test_activation.py::test_the_double_logarithm_behind_each_back_end"
    interpret("tests/splade/test_pooling_backends.py", "tests/support/triton_tiles.py", double)


@pytest.mark.slow
@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("kind", ["bf16", "fp32"])
def test_kernels_compile(capability: int, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter runs Python that the compiler refuses; and shared memory is limited by the chip."""
    from rescalade.splade.backends.cuda.backward import hidden_kernel, projection_kernel
    from rescalade.splade.backends.cuda.forward import forward_kernel
    from rescalade.splade.backends.cuda.pooling import HALF, SINGLE

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    tiles = SINGLE if kind == "fp32" else HALF
    pair = {"weights": "*fp32", "winner": "*i16", "offsets": "*i32", "texts": "i32", "vocabulary": "i32"}
    operands = {"hidden": f"*{kind}", "weight": f"*{kind}"}
    gradients = {"weight_gradient": "*fp32", "bias_gradient": "*fp32", "hidden_gradient": f"*{kind}"}
    types = {**pair, **operands, **gradients, "upstream": "*fp32", "bias": "*fp32", "group": "i32"}
    types |= {"order": "*i64", "bounds": "*i64", "owner": "*i32"}
    types |= dict.fromkeys(("first_row", "first_text", "bounds_width"), "i32")
    for width in (768, 100):
        forward = {
            "width": width,
            "block_terms": tiles.terms,
            "block_tokens": tiles.tokens,
            "block_width": tiles.width,
            "precision": "ieee",
            "widened": False,
        }
        backward = {"width": width, "block_width": tiles.backward_width}
        options = {"num_warps": tiles.warps, "num_stages": tiles.stages}
        machine_code = compile_for(capability, forward_kernel, types, forward, options)
        if kind == "bf16" and width == 768:  # the tensor cores are used
            assert ("wgmma" if capability == 90 else "mma.sync") in machine_code
        compile_for(capability, projection_kernel, types, {**backward, "block_terms": tiles.backward_terms}, {})
        compile_for(capability, hidden_kernel, types, {**backward, "block_pairs": tiles.pairs}, {})


def compile_for(
    capability: int, kernel: Any, types: dict[str, str], constants: dict[str, Any], options: dict[str, int]
) -> str:
    """The kernel's PTX; it must fit into the shared memory of the chip."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = kernel.arg_names
    signature = {name: "constexpr" if name in constants else types[name] for name in names}
    aligned = {(place,): [["tt.divisibility", 16]] for place, name in enumerate(names) if signature[name][0] == "*"}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=aligned)
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    assert made.metadata.shared <= {80: 163, 90: 227}[capability] * 1024
    text: str = made.asm["ptx"]
    return text
