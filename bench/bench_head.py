"""The fused SPLADE head against sentence-transformers' SpladePooling on materialised logits, forward and backward.

    python bench/bench_head.py [B L D V]

CPU seconds of one core, minimum of five interleaved rounds, and the peak resident memory each adds, every contender in
a process of its own. Writes bench/results/head.json.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SHAPE = (32, 128, 128, 30522)
ACTIVE = 0.01
CONTENDERS = ("fused", "splade_pooling")
ROUNDS = 5


def problem(shape: tuple[int, int, int, int]) -> tuple[Any, ...]:
    """Random logits; the bias leaves a share ACTIVE of the (text, term) pairs active."""
    import torch

    texts, length, width, vocabulary = shape
    random = torch.Generator().manual_seed(0)
    hidden = torch.randn(texts, length, width, generator=random)
    weight = torch.randn(vocabulary, width, generator=random) / width**0.5
    sample = (hidden[:4] @ weight[:4096].t()).amax(1)
    bias = torch.full((vocabulary,), -float(torch.quantile(sample, 1 - ACTIVE)))
    upstream = torch.randn(texts, vocabulary, generator=random)
    return hidden, torch.ones(texts, length, dtype=torch.int64), weight, bias, upstream


def contender(name: str, shape: tuple[int, int, int, int]) -> dict[str, float]:
    """Best CPU seconds and added peak memory in MB of one contender; runs in its own process."""
    import torch

    torch.set_num_threads(1)
    hidden, mask, weight, bias, upstream = problem(shape)
    if name == "fused":
        from rescalade.splade.head import pack, term_weights

        def compute(h: Any, w: Any, b: Any) -> Any:
            return term_weights(*pack(h, mask.bool()), w, b)
    else:
        from sentence_transformers.sparse_encoder.modules import SpladePooling

        pooling = SpladePooling("max")

        def compute(h: Any, w: Any, b: Any) -> Any:
            logits = torch.nn.functional.linear(h, w, b)
            return pooling({"token_embeddings": logits, "attention_mask": mask})["sentence_embedding"]

    leaves = [tensor.clone().requires_grad_() for tensor in (hidden, weight, bias)]
    small = [leaves[0][:1, :2], leaves[1][:64], leaves[2][:64]]
    if name == "fused":  # compile outside the measurement
        from rescalade.splade.head import pack, term_weights

        term_weights(*pack(small[0], mask[:1, :2].bool()), small[1], small[2]).sum().backward()
    for leaf in leaves:
        leaf.grad = torch.zeros_like(leaf)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        compute(*leaves).backward(upstream)
        seconds.append(time.process_time() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"seconds": min(seconds), "added_peak_mb": peak / 1024}


def main() -> None:
    """Run all contenders and print the ratios."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(contender(sys.argv[2], tuple(map(int, sys.argv[3:])))))  # type: ignore[arg-type]
        return
    shape = tuple(map(int, sys.argv[1:])) or SHAPE
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    rows = {}
    for name in CONTENDERS:
        command = [sys.executable, __file__, "--one", name, *map(str, shape)]
        output = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
        rows[name] = json.loads(output.splitlines()[-1])
    ratio = rows["splade_pooling"]["seconds"] / rows["fused"]["seconds"]
    memory = rows["splade_pooling"]["added_peak_mb"] / max(rows["fused"]["added_peak_mb"], 1.0)
    from rescalade.records import environment as machine

    result = {"shape_B_L_D_V": shape, "active": ACTIVE, "rows": rows, "speed_ratio": ratio, "memory_ratio": memory}
    path = Path(__file__).parent / "results" / "head.json"
    path.parent.mkdir(exist_ok=True)
    command_line = f"python bench/bench_head.py {' '.join(map(str, shape))}"
    path.write_text(json.dumps({**result, "made": machine(), "command": command_line}, indent=1) + "\n")
    for name, row in rows.items():
        print(f"{name:15s} {row['seconds']:.3f} s  +{row['added_peak_mb']:.0f} MB")
    print(f"fused head: {ratio:.1f} times as fast, 1/{memory:.0f} of the memory, at (B, L, D, V) = {shape}")


if __name__ == "__main__":
    main()
