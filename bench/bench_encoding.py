"""Encoding texts against sentence-transformers' SparseEncoder.encode at its best batch size.

    python bench/bench_encoding.py [--texts 20000] [--subset 2000] [--head auto]

CPU seconds of one core after loading, and the peak resident memory added by encoding, every contender in a process of
its own; ours from texts to shards on disk, tokenising, sorting and writing included. SparseEncoder takes minutes for
20,000 texts, so it encodes a subset, and its batch size is the best of 8, 32 and 128 on a quarter of that; the ratio is
of CPU seconds per text. Both see texts in the same random order, so a subset has the lengths of the whole.

Texts are pieces of BoolQ's passages and the model is splade-tiny (BERT 2x128, V = 30,522) where shared/data is there,
else seeded words and a seeded model of that shape. Lengths are log-normal, 62 tokens on average, at most 256.
Writes bench/results/encoding.json when it encodes 20,000 texts or more.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from encoding_problem import lengths_of, synthetic

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
BATCHES = (8, 32, 128)
LENGTH = 256
BATCH_TOKENS = 2048


def problem(folder: Path, count: int) -> tuple[Path, list[str], str]:
    """Model folder, texts in random order, and what they are."""
    from support.real_data import SPLADE_TINY, boolq

    if SPLADE_TINY.is_dir():
        model, words = SPLADE_TINY, " ".join(boolq().document_texts()).split()
        name = "pieces of BoolQ's passages, splade-tiny"
        share = 0.72  # words a token
    else:
        model, words, name, share = folder / "model", synthetic(folder / "model"), "seeded words and model", 1.0
    random = np.random.default_rng(1)
    texts, place = [], 0
    for length in lengths_of(count, random) * share:
        if place + int(length) >= len(words):
            place = int(random.integers(0, 1000))  # again from the start, with other cuts
        texts.append(" ".join(words[place : place + max(1, int(length))]))
        place += int(length)
    return model, [texts[number] for number in random.permutation(count)], name


def ours(folder: Path, model: Path, texts: list[str], head: str) -> dict[str, float]:
    """Texts to shards on disk."""
    import pyarrow as pa

    from rescalade.encoding import encode
    from rescalade.encoding.settings import EncodeSettings
    from rescalade.encoding.work_folder import WorkFolder
    from rescalade.texts.text_parts import table_texts

    settings = EncodeSettings(
        query_length=LENGTH,
        document_length=LENGTH,
        batch_tokens=BATCH_TOKENS,
        head_backend=head,
    )
    loaded: list[Any] = []
    plain = encode.Encoder.load

    def load(*arguments: Any) -> Any:
        """Loading and compiling stay outside the measurement, for both contenders."""
        encoder = plain(*arguments)
        encoder.encode(["warm"], encoder.tokens(["warm up"], queries=True), lambda _: None, queries=True)
        loaded.append((time.process_time(), _peak()))
        return encoder

    encode.Encoder.load = load  # type: ignore[method-assign, assignment]
    nothing = table_texts(pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())}))
    corpus = table_texts(pa.table({"id": [str(n) for n in range(len(texts))], "text": texts}))
    job = encode.EncodeJob(model, corpus, nothing, settings, work=WorkFolder(folder / "vectors"))
    manifest = job.encode(["cpu"], lambda *_: None)
    seconds = time.process_time() - loaded[0][0]
    return {
        "seconds": seconds,
        "added_peak_mb": _peak() - loaded[0][1],
        "texts": len(texts),
        "active_terms": manifest.active_terms,
    }


def theirs(folder: Path, model: Path, texts: list[str], batch: int) -> dict[str, float]:
    """SparseEncoder.encode, the vectors as it gives them; kept for the comparison."""
    from sentence_transformers import SparseEncoder

    encoder = SparseEncoder(str(model), device="cpu")
    encoder.max_seq_length = LENGTH
    encoder.encode(["warm up"], show_progress_bar=False)
    before, start = _peak(), time.process_time()
    vectors = encoder.encode(texts, batch_size=batch, show_progress_bar=False)
    seconds, peak = time.process_time() - start, _peak()
    found = vectors.coalesce()
    rows, terms = found.indices().numpy()
    np.savez(folder / "theirs.npz", rows=rows, terms=terms, weights=found.values().numpy())
    return {"seconds": seconds, "added_peak_mb": peak - before, "texts": len(texts), "batch": batch}


def compare(folder: Path, subset: int) -> dict[str, float]:
    """Active sets and weights of the subset, ours against theirs."""
    from rescalade.vectors.reader import read_folder

    shard = next(iter(read_folder(folder / "vectors")))
    stop = int(shard.offsets[subset])
    keys = np.repeat(np.arange(subset), np.diff(shard.offsets[: subset + 1])) * 10**6 + shard.terms[:stop]
    mine = dict(zip(keys.tolist(), shard.weights[:stop].tolist(), strict=True))
    with np.load(folder / "theirs.npz") as stored:
        other_keys = stored["rows"].astype(np.int64) * 10**6 + stored["terms"]
        other = dict(zip(other_keys.tolist(), stored["weights"].tolist(), strict=True))
    other = {key: value for key, value in other.items() if value != 0}
    only = [value for key, value in mine.items() if key not in other]
    only += [value for key, value in other.items() if key not in mine]
    return {
        "postings": len(mine),
        "postings_in_one_only": len(only),
        "largest_weight_in_one_only": max(only, default=0.0),
        "largest_difference": max(abs(value - other.get(key, 0.0)) for key, value in mine.items()),
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _one(folder: Path, arguments: list[str]) -> dict[str, float]:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, "1"), "TOKENIZERS_PARALLELISM": "false"}
    command = [sys.executable, __file__, "--one", str(folder), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    row: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(f"{' '.join(arguments):24s} {row['seconds']:7.1f} s  +{row['added_peak_mb']:.0f} MB", flush=True)
    return row


def _run_one(folder: Path, name: str, number: str, option: str) -> None:
    import torch

    torch.set_num_threads(1)
    stored = json.loads((folder / "problem.json").read_text())
    texts, model = stored["texts"][: int(number)], Path(stored["model"])
    row = ours(folder, model, texts, option) if name == "ours" else theirs(folder, model, texts, int(option))
    print(json.dumps(row))


def main() -> None:
    """Run all contenders and write the ratios."""
    if sys.argv[1:2] == ["--one"]:
        _run_one(Path(sys.argv[2]), *sys.argv[3:])
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", type=int, default=20000)
    parser.add_argument("--subset", type=int, default=2000)
    parser.add_argument("--head", default="auto", help="back end of the pooling: auto, numba, screen, portable")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, texts, what = problem(folder, chosen.texts)
        (folder / "problem.json").write_text(json.dumps({"texts": texts, "model": str(model)}))
        mine = _one(folder, ["ours", str(chosen.texts), chosen.head])
        trials = {batch: _one(folder, ["theirs", str(chosen.subset // 4), str(batch)]) for batch in BATCHES}
        best = min(BATCHES, key=lambda batch: trials[batch]["seconds"])
        peer = _one(folder, ["theirs", str(chosen.subset), str(best)])
        agreement = compare(folder, chosen.subset)
    per_text = {"ours": mine["seconds"] / mine["texts"], "sparse_encoder": peer["seconds"] / peer["texts"]}
    ratio = per_text["sparse_encoder"] / per_text["ours"]
    # theirs on the subset against ours on everything: their peak grows with the number of texts
    memory = peer["added_peak_mb"] / max(mine["added_peak_mb"], 1.0)
    from rescalade.pipeline.records import environment as machine

    result = {
        "texts": what,
        "rows": {"ours": mine, "sparse_encoder": peer, "sparse_encoder_trials": list(trials.values())},
        "documents_per_second": {key: 1 / value for key, value in per_text.items()},
        "speed_ratio": ratio,
        "memory_ratio": memory,
        "agreement": agreement,
        "head": chosen.head,
        "load_average": os.getloadavg(),
        "note": "SparseEncoder measured on the subset only, ours on all texts; ratios are per text",
    }
    path = (
        Path(__file__).parent
        / "results"
        / ("encoding.json" if chosen.head == "auto" else f"encoding-{chosen.head}.json")
    )
    path.parent.mkdir(exist_ok=True)
    line = f"python bench/bench_encoding.py --texts {chosen.texts} --subset {chosen.subset} --head {chosen.head}"
    if chosen.texts >= 20000:  # fewer are a trial
        path.write_text(json.dumps({**result, "made": machine(), "command": line}, indent=1) + "\n")
    print(f"encoding: {ratio:.1f} times as fast per text, 1/{memory:.0f} of the memory; {agreement}")


if __name__ == "__main__":
    main()
