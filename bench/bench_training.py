"""A full training step against SparseEncoderTrainer with SpladeLoss and stock modules, as sentence-transformers says.

    python bench/bench_training.py [--shape tiny|base|both] [--active SHARE] [--device cpu|cuda]

One core and CPU seconds (on cuda wall seconds), from the end of one optimiser step to the end of the next, the best of
those after the first; peak memory that training adds (resident, on cuda allocated); every contender in a process of its
own, on the same model and texts. tiny: BERT 2x128 on 32 triples; base: BERT-base size on 8; V = 30,522, queries of up
to 32 and documents of up to 128 tokens, no dropout. Writes bench/results/training.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

VOCABULARY = 30_522
SHAPES: dict[str, dict[str, int]] = {
    "tiny": {"layers": 2, "width": 128, "heads": 2, "triples": 32, "steps": 4},
    "base": {"layers": 12, "width": 768, "heads": 12, "triples": 8, "steps": 2},
}
QUERY, DOCUMENT = 32, 128
CONTENDERS = ("ours", "stock")
LAMBDAS = (5e-2, 3e-3)
RATE = 1e-4


def texts(count: int, shortest: int, longest: int, chance: random.Random) -> list[str]:
    """Random words of one token each; lengths with [CLS] and [SEP] between the limits, the longest among them."""
    lengths = [longest, *(chance.randint(shortest, longest) for _ in range(count - 1))]
    return [" ".join(f"w{chance.randrange(5, VOCABULARY)}" for _ in range(length - 2)) for length in lengths]


def problem(shape: dict[str, int]) -> tuple[list[str], list[str], list[str]]:
    """Queries, positives, negatives."""
    chance, count = random.Random(0), shape["triples"]
    return (
        texts(count, 6, QUERY, chance),
        texts(count, 40, DOCUMENT, chance),
        texts(count, 40, DOCUMENT, chance),
    )


def make_model(folder: Path, shape: dict[str, int], active: float) -> None:
    """A random model without dropout whose bias leaves about `active` of the (text, term) pairs active."""
    import torch
    from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{number}" for number in range(5, VOCABULARY))]
    (folder / "vocab.txt").write_text("\n".join(words))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=shape["width"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        intermediate_size=4 * shape["width"],
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.05,
    )
    model = BertForMaskedLM(config).eval()
    with torch.no_grad():
        sample = tokenizer(problem(shape)[1][:4], return_tensors="pt", padding=True)
        logits = model(**sample).logits.masked_fill(sample["attention_mask"].unsqueeze(2) == 0, -1e9)
        best = logits.amax(1).flatten()
        model.get_output_embeddings().bias -= best.sort().values[int((1 - active) * (len(best) - 1))]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


class Meter:
    """Seconds at the end of every step, losses, and the memory added since it was made."""

    def __init__(self, device: str) -> None:
        self.device, self.ends, self.losses = device, [], []  # type: ignore[var-annotated]
        self.before = self._memory()

    def end(self) -> None:
        """A step has ended."""
        if self.device == "cuda":
            import torch

            torch.cuda.synchronize()
        self.ends.append(time.perf_counter() if self.device == "cuda" else time.process_time())

    def result(self) -> dict[str, Any]:
        """Best time between two ends, losses, memory added."""
        steps = [after - before for before, after in zip(self.ends, self.ends[1:], strict=False)]
        return {"seconds": min(steps), "losses": self.losses, "added_peak_mb": (self._memory() - self.before) / 2**20}

    def _memory(self) -> float:
        if self.device == "cuda":
            import torch

            return float(torch.cuda.max_memory_allocated())
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def ours(folder: Path, shape: dict[str, int], device: str) -> dict[str, Any]:
    """rescalade.training."""
    import numpy as np

    import rescalade.training.trainer  # noqa: F401  # imports are no part of a step
    from rescalade.models.load import load_lm, load_tokenizer
    from rescalade.splade.model import SpladeModel
    from rescalade.texts.layout import Layout
    from rescalade.training.examples import Examples
    from rescalade.training.settings import TrainSettings
    from rescalade.training.train import train

    queries, positives, negatives = problem(shape)
    count, tokenizer = len(queries), load_tokenizer(folder)
    examples = Examples(
        queries=Layout(QUERY).tokens(tokenizer, queries),
        documents=Layout(DOCUMENT).tokens(tokenizer, [*positives, *negatives]),
        rows=np.array([[n, n, count + n] for n in range(count)]),
    )
    settings = TrainSettings(
        batch_size=count,
        max_steps=shape["steps"],
        learning_rate=RATE,
        warmup_ratio=0.0,
        lambda_query=LAMBDAS[0],
        lambda_document=LAMBDAS[1],
        ramp_steps=1,
        query_length=QUERY,
        document_length=DOCUMENT,
    )
    model = SpladeModel(load_lm(folder)).to(device)
    model(*(value[:1, :2] for value in _first(tokenizer, examples, device))).sum().backward()  # compiles the kernels
    model.zero_grad()
    meter = Meter(device)

    def progress(done: int, total: int, row: dict[str, float]) -> None:
        meter.losses.append(row["loss"])
        meter.end()

    with tempfile.TemporaryDirectory() as checkpoints:
        train(model, tokenizer, examples, settings, 0, Path(checkpoints), progress)
    return meter.result()


def _first(tokenizer: Any, examples: Any, device: str) -> list[Any]:
    from rescalade.texts.layout import Layout

    batch = Layout(QUERY).batch(tokenizer, examples.queries.rows([0]))
    return [value.to(device) for value in (batch.input_ids, batch.attention_mask, batch.pooled)]


def stock(folder: Path, shape: dict[str, int], device: str) -> dict[str, Any]:
    """sentence-transformers with nothing of ours."""
    from sentence_transformers import SparseEncoder
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sparse_encoder.modules import SpladePooling

    transformer = Transformer(
        str(folder), transformer_task="fill-mask", processor_kwargs={"model_max_length": DOCUMENT}
    )
    model = SparseEncoder(modules=[transformer, SpladePooling("max")], device=device)
    return stock_steps(model, problem(shape), shape["steps"], device)


def stock_steps(
    model: Any, texts: tuple[list[str], list[str], list[str]], steps: int, device: str = "cpu"
) -> dict[str, Any]:
    """Steps of sentence-transformers' trainer and loss on one batch of queries, positives and negatives."""
    from datasets import Dataset
    from sentence_transformers.sparse_encoder import SparseEncoderTrainer, SparseEncoderTrainingArguments
    from sentence_transformers.sparse_encoder.callbacks.splade_callbacks import SpladeRegularizerWeightSchedulerCallback
    from sentence_transformers.sparse_encoder.losses import SparseMultipleNegativesRankingLoss, SpladeLoss
    from transformers import TrainerCallback

    queries, positives, negatives = texts
    loss = SpladeLoss(
        model=model,
        loss=SparseMultipleNegativesRankingLoss(model=model),
        query_regularizer_weight=LAMBDAS[0],
        document_regularizer_weight=LAMBDAS[1],
    )
    meter = Meter(device)

    class Recording(SparseEncoderTrainer):  # type: ignore[misc]
        def compute_loss(self, *arguments: Any, **named: Any) -> Any:
            value = super().compute_loss(*arguments, **named)
            meter.losses.append(float(value.detach()))
            return value

    class Ends(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            meter.end()

    with tempfile.TemporaryDirectory() as output:
        trainer = Recording(
            model=model,
            args=SparseEncoderTrainingArguments(
                output_dir=output,
                max_steps=steps,
                per_device_train_batch_size=len(queries),
                learning_rate=RATE,
                use_cpu=device == "cpu",
                save_strategy="no",
                logging_strategy="no",
                report_to="none",
                disable_tqdm=True,
            ),
            train_dataset=Dataset.from_dict({"query": queries, "positive": positives, "negative": negatives}),
            loss=loss,
            callbacks=[SpladeRegularizerWeightSchedulerCallback(loss, warmup_ratio=1 / steps), Ends()],
        )
        trainer.train()
    return meter.result()


def one(name: str, shape: str, folder: Path, device: str) -> None:
    """A contender in its own process; the last line printed is its result."""
    import torch

    torch.set_num_threads(1)
    contender: Callable[..., dict[str, Any]] = {"ours": ours, "stock": stock}[name]
    print(json.dumps(contender(folder, SHAPES[shape], device)))


def compare(shape: str, active: float, device: str) -> dict[str, Any]:
    """Both contenders and their ratios."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        make_model(Path(folder), SHAPES[shape], active)
        for name in CONTENDERS:
            command = [sys.executable, __file__, "--one", name, shape, folder, "--device", device]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
            rows[name] = json.loads(done.stdout.splitlines()[-1])
    pairs = zip(rows["ours"]["losses"], rows["stock"]["losses"], strict=True)
    return {
        "shape": {**SHAPES[shape], "vocabulary": VOCABULARY, "query": QUERY, "document": DOCUMENT},
        "active": active,
        "rows": rows,
        "speed_ratio": rows["stock"]["seconds"] / rows["ours"]["seconds"],
        "memory_ratio": rows["stock"]["added_peak_mb"] / max(rows["ours"]["added_peak_mb"], 1.0),
        "largest_loss_difference": max(abs(a - b) / abs(b) for a, b in pairs),
    }


def main() -> None:
    """Run the comparisons and print ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--shape", choices=[*SHAPES, "both"], default="both")
    parser.add_argument("--active", type=float, default=0.01, help="share of (text, term) pairs active at the start")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--one", nargs=3, metavar=("CONTENDER", "SHAPE", "FOLDER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        one(chosen.one[0], chosen.one[1], Path(chosen.one[2]), chosen.device)
        return
    from rescalade.pipeline.records import environment as machine

    path = Path(__file__).parent / "results" / ("training.json" if chosen.device == "cpu" else "training-cuda.json")
    shapes = list(SHAPES) if chosen.shape == "both" else [chosen.shape]
    found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() and chosen.shape != "both" else {}
    for shape in shapes:
        row = compare(shape, chosen.active, chosen.device)
        found[shape] = row
        for name in CONTENDERS:
            print(
                f"{shape} {name:6s} {row['rows'][name]['seconds']:.2f} s  +{row['rows'][name]['added_peak_mb']:.0f} MB"
            )
        print(
            f"{shape}: {row['speed_ratio']:.1f} times as fast, 1/{row['memory_ratio']:.1f} of the memory, "
            f"losses equal to {row['largest_loss_difference']:.1e}"
        )
        found["made"], found["command"] = machine(), " ".join(["python", "bench/bench_training.py", *sys.argv[1:]])
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
