"""The loss at step 0: that of a run's first step, the same worked out densely, and its standard error by numpy."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from transformers import BertTokenizerFast

from rescalade.atomic import sha256
from rescalade.collection_manifest import TriplesManifest
from rescalade.errors import UserError
from rescalade.models.lora import add_adapters
from rescalade.models.lora_settings import LoraSettings
from rescalade.rescaling.make import make_rescaled
from rescalade.runs import Run
from rescalade.splade.model import SpladeModel
from rescalade.stage import Call, Machine
from rescalade.step0 import Step0
from rescalade.texts.collection import CORPUS, QRELS, QUERIES, Collection
from rescalade.texts.micro_batches import micro_batches
from rescalade.texts.triple_files import read_triples
from rescalade.training.measure_step0 import mean_and_error, step0_losses
from rescalade.training.run import train_run
from rescalade.training.settings import TrainSettings
from rescalade.training.step0_settings import Step0Settings
from rescalade.training.step0_stage import run_step0
from rescalade.variants import Variant
from support.families import tiny_form
from support.models import tiny
from support.small_collections import write_collection
from support.training import Tokenizer, examples, run, still

DRAWN: dict[str, Any] = {"batch_size": 4, "accumulation": 2, "max_steps": 2, "warmup_steps": 0}


def quiet(done: int, total: int, facts: object) -> None:
    """No progress."""


def losses(settings: TrainSettings, model: SpladeModel, seed: int = 7, count: int = 16) -> list[float]:
    tokenizer: Any = Tokenizer()
    return step0_losses(model, tokenizer, examples(count), settings, seed, quiet)


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"encode_rows": 5}, {"precision": "bf16"}, {"loss": "infonce-own-negatives"}, {"loss": "infonce-gathered"},
        {"activation": "log1p_relu"},
    ],
    ids=str,
)  # fmt: skip
def test_the_first_micro_batches_are_those_of_the_first_step(changes: dict[str, Any], tmp_path: Path) -> None:
    """Dropout, draw and precision too: the model has dropout, which another seed or the other mode would give away."""
    settings = TrainSettings(**DRAWN, **changes)
    trained, _ = run(tmp_path, settings, data=examples(16))
    found = losses(settings, SpladeModel(tiny("bert")))
    of_step = found[:1] if settings.loss == "infonce-gathered" else found[:2]
    assert np.mean(of_step) == pytest.approx(trained.history[0]["ranking_loss"], rel=1e-6)
    assert losses(settings, SpladeModel(tiny("bert")), seed=8)[0] != pytest.approx(found[0], rel=1e-4)
    assert losses(settings, still())[0] != pytest.approx(found[0], rel=1e-6)


def test_a_ramp_that_begins_at_full_weight_does_not_count(tmp_path: Path) -> None:
    settings = TrainSettings(**DRAWN, ramp="none", lambda_query=3.0, lambda_document=2.0)
    trained, _ = run(tmp_path, settings, data=examples(16))
    found = np.mean(losses(settings, SpladeModel(tiny("bert")))[:2])
    assert trained.history[0]["loss"] > 1.1 * found
    assert found == pytest.approx(trained.history[0]["ranking_loss"], rel=1e-6)


def test_every_micro_batch_by_the_definition() -> None:
    """All logits of one text at a time, maximum, log(1 + relu), products and a softmax, in float64."""
    data, model = examples(16), still()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    found = losses(TrainSettings(**DRAWN), model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items()), "no weight moves"
    plain = still().masked_lm.eval()
    SpladeModel(plain).restore_decoder()

    def weights(tokens: Any, number: int) -> np.ndarray:
        ids = tokens.numbers[tokens.offsets[number] : tokens.offsets[number + 1]]
        with torch.no_grad():
            logits = plain(input_ids=torch.tensor(ids[None].astype(np.int64))).logits[0].double()
        return np.log1p(logits.clamp_min(0).amax(0).numpy())

    expected = []
    for batch, _ in zip(micro_batches(16, 4, 7), range(4), strict=False):
        queries = np.array([weights(data.queries, row) for row in data.rows[batch, 0]])
        documents = np.array([weights(data.documents, row) for row in [*data.rows[batch, 1], *data.rows[batch, 2]]])
        scores = queries @ documents.T
        expected.append(np.mean([math.log(np.exp(row).sum()) - row[place] for place, row in enumerate(scores)]))
    assert found == pytest.approx(expected, rel=1e-4)


def test_at_most_64_micro_batches_and_no_example_twice() -> None:
    settings = TrainSettings(batch_size=2, max_steps=1)
    assert [len(losses(settings, still(), count=count)) for count in (1, 5, 12, 140)] == [1, 2, 6, 64]
    gathered = TrainSettings(batch_size=2, accumulation=3, max_steps=1, loss="infonce-gathered")
    assert len(losses(gathered, still(), count=14)) == 2


def test_mean_and_standard_error() -> None:
    values = [3.0, 4.5, 2.25, 8.0]
    mean, error = mean_and_error(values)
    assert mean == pytest.approx(np.mean(values))
    assert error == pytest.approx(np.std(values, ddof=1) / math.sqrt(4))
    assert mean_and_error([2.0]) == (2.0, None)
    broken, unknown = mean_and_error([1.0, math.nan])
    assert math.isnan(broken) and unknown is not None and math.isnan(unknown)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with dropout, divided by 4, and ten queries with a document each."""
    folder = tmp_path_factory.mktemp("step0")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(chr(97 + i // 8) + chr(97 + i % 8) for i in range(55))]
    (folder / "vocab.txt").write_text("\n".join(words))
    tiny("bert").save_pretrained(folder / "backbone")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "backbone")
    (folder / "model").mkdir()
    make_rescaled(folder / "backbone", Variant(4.0), folder / "model")
    texts = [f"{words[5 + n]} {words[20 + n]} {words[30 + n % 4]}" for n in range(10)]
    corpus = [{"id": f"d{n}", "title": "", "text": text} for n, text in enumerate(texts)]
    queries = [{"id": f"q{n}", "text": text.split()[0], "group": ""} for n, text in enumerate(texts)]
    judged = [{"query_id": f"q{n}", "document_id": f"d{n}", "grade": 1} for n in range(10)]
    write_collection(
        folder / "data",
        Collection(
            pa.Table.from_pylist(corpus, schema=CORPUS),
            pa.Table.from_pylist(queries, schema=QUERIES),
            pa.Table.from_pylist(judged, schema=QRELS),
        ),
    )
    rows = [{"query_id": f"q{n}", "positive_id": f"d{n}", "negative_id": f"d{(n + 3) % 10}"} for n in range(10)]
    path = folder / "data" / "triples.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    TriplesManifest(
        origin="given", triples=10, sha256=sha256(path), queries_without_positive=None, queries_without_negative=None
    ).write(path.with_suffix(".json"))
    return folder


def settings_of(train: TrainSettings, **changes: Any) -> Step0Settings:
    values = train.model_dump(include=set(Step0Settings.model_fields))
    return Step0Settings(**{**values, "seed": 5, "train_on": "data", **changes})


def measured(folder: Path, settings: Step0Settings, output: Path) -> Step0:
    data = folder / "data"
    run_step0(
        settings,
        {"model": folder / "model", "triples": data / "triples.parquet", "corpus": data / "corpus.parquet"},
        {"step0": output / "step0.json", "record": output / "record.json"},
        Call("step0", {"recipe": "quick", "backbone": "tiny", "variant": "k4"}, Machine(device_name="cpu")),
    )
    return Step0.read(output / "step0.json")


def test_the_stage_gives_the_first_loss_of_a_run(folder: Path, tmp_path: Path) -> None:
    train = TrainSettings(batch_size=3, max_steps=2, warmup_steps=0, accumulation=3, query_length=8, document_length=8)
    found = measured(folder, settings_of(train), tmp_path)
    _, outcome = train_run(
        Run("quick", "tiny", Variant(4.0), 5),
        folder / "model",
        folder / "data",
        read_triples(folder / "data" / "triples.parquet"),
        train,
        checkpoints=tmp_path / "checkpoints",
        output=tmp_path / "model",
        device="cpu",
        progress=None,
    )
    assert found.loss == pytest.approx(outcome.first_loss, rel=1e-6)  # an epoch is one step here
    assert (found.batches, found.queries, found.candidates, found.scale, found.seed) == (3, 3, 6, 4.0, 5)
    assert found.standard_error is not None and 0 < found.standard_error < found.loss


def test_texts_that_the_model_has_no_positions_for_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="positions"):
        measured(folder, settings_of(TrainSettings(document_length=8192)), tmp_path)


def test_adapters_that_are_fresh_change_nothing() -> None:
    """The stage measures without them. Llama has no dropout of its own, whose draw theirs would move."""
    plain, settings = losses(TrainSettings(**DRAWN), SpladeModel(tiny_form("llama, tied"))), LoraSettings(dropout=0.3)
    adapted = tiny_form("llama, tied")
    add_adapters(adapted, settings, seed=1)
    assert losses(TrainSettings(**DRAWN), SpladeModel(adapted)) == plain
    first = next(name for name in adapted.state_dict() if ".lora_B." in name)
    with torch.no_grad():
        adapted.get_parameter(first).add_(1.0)
    assert losses(TrainSettings(**DRAWN), SpladeModel(adapted)) != plain


def test_frozen_weights_in_bf16_round_the_loss_and_no_more() -> None:
    settings, half = TrainSettings(**DRAWN, precision="bf16"), tiny_form("llama, tied")
    add_adapters(half, LoraSettings(frozen_weights="bf16"), seed=1)
    found = losses(settings, SpladeModel(half))
    assert found == pytest.approx(losses(settings, SpladeModel(tiny_form("llama, tied"))), rel=1e-2)
