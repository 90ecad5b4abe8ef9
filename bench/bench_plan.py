"""The memory that a training plan foretells against what training takes.

    python bench/bench_plan.py [CASE ...]

Each case in a process of its own, on the CPU and one core: resident memory added by loading a random BERT and
training three steps on texts of the same length, dropout as BERT has it. The plan is for the largest batch, so all
texts have the longest length. Prints measured and foretold megabytes and writes bench/results/plan.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

VOCABULARY = 30_522
CASES: dict[str, dict[str, Any]] = {
    "2x128, 32 triples": {"layers": 2, "width": 128, "heads": 2, "triples": 32, "document": 128},
    "2x128, 32 triples, 256 tokens": {"layers": 2, "width": 128, "heads": 2, "triples": 32, "document": 256},
    "2x128, 32 triples, bf16": {"layers": 2, "width": 128, "heads": 2, "triples": 32, "document": 128, "bf16": True},
    "2x128, 32 triples, encode_rows 16": {
        "layers": 2, "width": 128, "heads": 2, "triples": 32, "document": 128, "rows": 16,
    },
    "12x384, 16 triples": {"layers": 12, "width": 384, "heads": 6, "triples": 16, "document": 128},
    "12x768, 8 triples": {"layers": 12, "width": 768, "heads": 12, "triples": 8, "document": 128},
    "12x768, 8 triples, encode_rows 6": {
        "layers": 12, "width": 768, "heads": 12, "triples": 8, "document": 128, "rows": 6,
    },
}  # fmt: skip
QUERY = 32


def train_case(case: dict[str, Any]) -> dict[str, float]:
    """Megabytes of 2^20 bytes: measured, and by part as foretold."""
    import numpy as np
    import torch
    from transformers import BertConfig, BertForMaskedLM

    import rescalade.splade.modules
    import rescalade.training.trainer  # noqa: F401
    from measure import added_peak_mb
    from rescalade.splade.model import SpladeModel
    from rescalade.training.examples import Examples, packed
    from rescalade.training.forecast import make_plan
    from rescalade.training.settings import TrainSettings
    from rescalade.training.sharding import Sharding
    from rescalade.training.train import train

    torch.set_num_threads(1)

    class Tokenizer:
        pad_token_id = 0
        all_special_ids = (0, 1)

    def fit(layers: int, width: int, heads: int, vocabulary: int, triples: int, document: int) -> dict[str, float]:
        torch.manual_seed(0)
        model = SpladeModel(
            BertForMaskedLM(
                BertConfig(
                    vocab_size=vocabulary, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
                    intermediate_size=4 * width, initializer_range=0.05,
                )
            )
        )  # fmt: skip
        chance = np.random.default_rng(0)

        def texts(count: int, length: int) -> Any:
            return packed(chance.integers(5, vocabulary, (count, length)))

        numbers = np.arange(triples)
        examples = Examples(
            texts(triples, QUERY), texts(2 * triples, document), np.column_stack([numbers, numbers, triples + numbers])
        )
        settings = TrainSettings(
            batch_size=triples,
            max_steps=3,
            precision="bf16" if case.get("bf16") else "fp32",
            encode_rows=case.get("rows"),
        )
        tokenizer: Any = Tokenizer()
        with tempfile.TemporaryDirectory() as checkpoints:
            train(model, tokenizer, examples, settings, 0, Path(checkpoints))
        plan = make_plan(model, examples, settings, Sharding(1, triples), seed=0, steps=3)
        return {name: value / 2**20 for name, value in asdict(plan).items() if name in ("states", "encoder", "pooling")}

    fit(2, 64, 2, 6000, 4, 64)  # loads and compiles whatever is used
    found: dict[str, float] = {}

    def call() -> None:
        found.update(fit(case["layers"], case["width"], case["heads"], VOCABULARY, case["triples"], case["document"]))

    measured = added_peak_mb(call)
    return {"measured_mb": measured, "foretold_mb": sum(found.values()), **found}


def main() -> None:
    """Run the cases and print ratios."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(train_case(CASES[sys.argv[2]])))
        return
    from rescalade.pipeline.records import environment

    path = Path(__file__).parent / "results" / "plan.json"
    rows: dict[str, Any] = {}
    for name in sys.argv[1:] or CASES:
        command = [sys.executable, __file__, "--one", name]
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        row = rows[name] = json.loads(done.stdout.splitlines()[-1])
        row["ratio"] = row["foretold_mb"] / row["measured_mb"]
        print(
            f"{name}: measured {row['measured_mb']:.0f} MB, foretold {row['foretold_mb']:.0f} MB "
            f"(states {row['states']:.0f}, encoder {row['encoder']:.0f}, pooling {row['pooling']:.0f}), "
            f"ratio {row['ratio']:.2f}",
            flush=True,
        )
    if not sys.argv[1:]:
        made = {"made": environment(), "command": "python bench/bench_plan.py"}
        path.write_text(json.dumps({"cases": rows, **made}, indent=1) + "\n")


if __name__ == "__main__":
    main()
