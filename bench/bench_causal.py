"""A causal SPLADE model against sentence-transformers on the same folder: a step with adapters, encoding, Echo's cost.

    python bench/bench_causal.py [--layers N]

A random model of SmolLM2-135M's shape (30 layers of width 576, V = 49,152, tied head), texts of up to 64 tokens. One
core and CPU seconds. Training: 8 triples, LoRA of rank 16 in the seven projections; from the end of one step to the end
of the next, the best of those after the first; peak resident memory that training adds; ours against
SparseEncoderTrainer with SpladeLoss on the folder that we export. Encoding: 24 texts, ours against SparseEncoder.encode
of that folder, and Echo against causal. Every contender in a process of its own. Writes bench/results/causal.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench_training import LAMBDAS, RATE, Meter, stock_steps

VOCABULARY, LENGTH, TRIPLES, STEPS, RANK = 49_152, 64, 8, 3, 16
GOALS = {"step": 1.3, "memory": 3.0, "encoding": 1.5, "echo": 2.1}


def texts(count: int, seed: int) -> list[str]:
    """Random words of one token each, half the length to the whole of it, the longest among them."""
    chance = random.Random(seed)
    lengths = [LENGTH, *(chance.randint(LENGTH // 2, LENGTH) for _ in range(count - 1))]
    return [" ".join(f"w{chance.randrange(4, VOCABULARY)}" for _ in range(length)) for length in lengths]


def problem() -> tuple[list[str], list[str], list[str]]:
    """Queries, positives, negatives."""
    return texts(TRIPLES, 0), texts(TRIPLES, 1), texts(TRIPLES, 2)


def make_folders(folder: Path, layers: int) -> None:
    """`causal`, the model as a SparseEncoder folder, and `echo`, the same read twice."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    from rescalade.models.sparse_encoder_files import save_sparse_encoder
    from rescalade.models.splade_config import as_trained
    from rescalade.texts.text_settings import TextSettings

    words = {word: number for number, word in enumerate(["<pad>", "<unk>", "<s>", "</s>"])}
    words |= {f"w{number}": number for number in range(4, VOCABULARY)}
    whole = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    whole.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=whole, pad_token="<pad>", unk_token="<unk>")
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=576,
            num_hidden_layers=layers,
            num_attention_heads=9,
            num_key_value_heads=3,
            intermediate_size=1536,
            tie_word_embeddings=True,
            initializer_range=0.04,
        )
    )
    settings = TextSettings(query_length=LENGTH, document_length=LENGTH)
    for reading in ("causal", "echo"):
        how = as_trained(settings, "fp32", reading, "llama")  # type: ignore[arg-type]
        save_sparse_encoder(model, tokenizer, how, folder / reading)


def ours_step(folder: Path) -> dict[str, Any]:
    """rescalade.training with adapters."""
    import numpy as np

    import rescalade.training.trainer  # noqa: F401  # imports are no part of a step
    from rescalade.models.load import load_lm, load_tokenizer
    from rescalade.models.lora import add_adapters
    from rescalade.models.lora_settings import LoraSettings
    from rescalade.splade.model import SpladeModel
    from rescalade.texts.layout import Layout
    from rescalade.training.examples import Examples
    from rescalade.training.settings import TrainSettings
    from rescalade.training.train import train

    queries, positives, negatives = problem()
    tokenizer, layout = load_tokenizer(folder / "causal"), Layout(LENGTH, special_tokens="none")
    examples = Examples(
        queries=layout.tokens(tokenizer, queries),
        documents=layout.tokens(tokenizer, [*positives, *negatives]),
        rows=np.array([[n, n, TRIPLES + n] for n in range(TRIPLES)]),
    )
    lora = LoraSettings(rank=RANK, dropout=0.0)
    settings = TrainSettings(
        batch_size=TRIPLES, max_steps=STEPS, learning_rate=RATE, warmup_ratio=0.0, lambda_query=LAMBDAS[0],
        lambda_document=LAMBDAS[1], ramp_steps=1, query_length=LENGTH, document_length=LENGTH, lora=lora,
    )  # fmt: skip
    model = load_lm(folder / "causal")
    add_adapters(model, lora, 0)
    splade = SpladeModel(model)
    batch = layout.batch(tokenizer, examples.queries.rows([0]))
    splade(batch.input_ids[:, :2], batch.attention_mask[:, :2], batch.pooled[:, :2]).sum().backward()  # compiles
    splade.zero_grad()
    meter = Meter("cpu")

    def progress(done: int, total: int, row: dict[str, float]) -> None:
        meter.losses.append(row["loss"])
        meter.end()

    with tempfile.TemporaryDirectory() as checkpoints:
        train(splade, tokenizer, examples, settings, 0, Path(checkpoints), progress)
    return meter.result()


def stock_step(folder: Path) -> dict[str, Any]:
    """sentence-transformers on the exported folder, peft by its own adapter interface."""
    from peft import LoraConfig
    from sentence_transformers import SparseEncoder

    from rescalade.models.lora_settings import PROJECTIONS

    model = SparseEncoder(str(folder / "causal"), device="cpu")
    model.add_adapter(
        LoraConfig(r=RANK, lora_alpha=2 * RANK, lora_dropout=0.0, target_modules=list(PROJECTIONS), bias="none")
    )
    return stock_steps(model, problem(), STEPS)


def _timed(work: Callable[[], Any]) -> dict[str, Any]:
    """CPU seconds of the second of two calls."""
    work()
    begun = time.process_time()
    work()
    return {"seconds": time.process_time() - begun}


def ours_encoding(folder: Path, reading: str = "causal") -> dict[str, Any]:
    """Rescalade's encoder."""
    from rescalade.encoding.encoder import Encoder

    encoder, documents = Encoder.load(folder / reading), [text for part in problem() for text in part]
    ids = [str(number) for number in range(len(documents))]

    def work() -> Any:
        return encoder.encode(ids, encoder.tokens(documents, queries=False), lambda _: None, queries=False)

    return _timed(work)


def echo_encoding(folder: Path) -> dict[str, Any]:
    """The same of every text twice."""
    return ours_encoding(folder, "echo")


def stock_encoding(folder: Path) -> dict[str, Any]:
    """SparseEncoder.encode."""
    from sentence_transformers import SparseEncoder

    model, documents = (
        SparseEncoder(str(folder / "causal"), device="cpu"),
        [text for part in problem() for text in part],
    )
    return _timed(lambda: model.encode(documents, batch_size=len(documents)))


CONTENDERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "ours_step": ours_step,
    "stock_step": stock_step,
    "ours_encoding": ours_encoding,
    "stock_encoding": stock_encoding,
    "echo_encoding": echo_encoding,
}


def compare(layers: int) -> dict[str, Any]:
    """All contenders and their ratios."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        make_folders(Path(folder), layers)
        for name in CONTENDERS:
            command = [sys.executable, __file__, "--one", name, folder]
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            if done.returncode:
                raise SystemExit(done.stderr)
            rows[name] = json.loads(done.stdout.splitlines()[-1])
            print(name, rows[name], flush=True)
    first = [rows[name]["losses"][0] for name in ("ours_step", "stock_step")]
    return {
        "shape": {"layers": layers, "width": 576, "vocabulary": VOCABULARY, "length": LENGTH, "triples": TRIPLES},
        "rows": rows,
        "first_loss_difference": abs(first[0] - first[1]) / abs(first[1]),
        "ratios": {
            "step": rows["stock_step"]["seconds"] / rows["ours_step"]["seconds"],
            "memory": rows["stock_step"]["added_peak_mb"] / max(rows["ours_step"]["added_peak_mb"], 1.0),
            "encoding": rows["stock_encoding"]["seconds"] / rows["ours_encoding"]["seconds"],
            "echo": rows["echo_encoding"]["seconds"] / rows["ours_encoding"]["seconds"],
        },
        "goals": GOALS,
    }


def main() -> None:
    """Run the comparisons and print ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--layers", type=int, default=30)
    parser.add_argument("--one", nargs=2, metavar=("CONTENDER", "FOLDER"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        import torch

        torch.set_num_threads(1)
        print(json.dumps(CONTENDERS[chosen.one[0]](Path(chosen.one[1]))))
        return
    from rescalade.pipeline.records import environment as machine

    found = compare(chosen.layers)
    for name, ratio in found["ratios"].items():
        print(f"{name}: {ratio:.2f} ({'at most' if name == 'echo' else 'at least'} {GOALS[name]:g} wanted)")
    found["made"], found["command"] = machine(), " ".join(["python", "bench/bench_causal.py", *sys.argv[1:]])
    path = Path(__file__).parent / "results" / "causal.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
