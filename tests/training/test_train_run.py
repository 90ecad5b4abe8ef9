"""The stage `train` on files: distillation, its first loss worked out densely; and a model that cannot be trained."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForMaskedLM, BertTokenizerFast

from rescalade.atomic import sha256
from rescalade.collection_manifest import TriplesManifest
from rescalade.errors import UserError
from rescalade.history import write_history
from rescalade.models.lora_settings import LoraSettings
from rescalade.objective.measures import Row
from rescalade.outcome import Outcome
from rescalade.rescaling.make import make_rescaled
from rescalade.rescaling.sidecar import Rescaled
from rescalade.runs import Run
from rescalade.texts.collection import CORPUS, QRELS, QUERIES, Collection
from rescalade.texts.triple_files import read_triples
from rescalade.training.run import last_loss, train_run
from rescalade.training.settings import Loss, TrainSettings
from rescalade.variants import Variant
from support.commands import call
from support.models import tiny
from support.small_collections import write_collection
from support.stored_files import file_of

QUERIES_ = {"q1": "aa ab", "q2": "ba bb ac"}
DOCUMENTS = {"d1": "ab ac ad", "d2": "ba bc", "d3": "ca cb ae af", "d4": "ag"}
TRIPLES = [  # two negatives each
    ("q1", "d1", "d2", 9.0, 2.0),
    ("q1", "d1", "d3", 9.0, 7.5),
    ("q2", "d2", "d4", 1.0, 4.0),
    ("q2", "d2", "d1", 1.0, -3.0),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model without dropout, a collection, triples with scores and their manifest."""
    folder = tmp_path_factory.mktemp("distil")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(chr(97 + i // 8) + chr(97 + i % 8) for i in range(55))]
    (folder / "vocab.txt").write_text("\n".join(words))
    model = tiny("bert")
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.0
    model.save_pretrained(folder / "model")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "model")
    write_collection(
        folder / "data",
        Collection(
            pa.Table.from_pylist([{"id": i, "title": "", "text": t} for i, t in DOCUMENTS.items()], schema=CORPUS),
            pa.Table.from_pylist([{"id": i, "text": t, "group": ""} for i, t in QUERIES_.items()], schema=QUERIES),
            pa.Table.from_pylist([{"query_id": "q1", "document_id": "d1", "grade": 1}], schema=QRELS),
        ),
    )
    names = ("query_id", "positive_id", "negative_id", "positive_score", "negative_score")
    path = folder / "data" / "triples-teacher.parquet"
    pq.write_table(pa.table({name: [row[n] for row in TRIPLES] for n, name in enumerate(names)}), path)
    TriplesManifest(
        origin="given",
        triples=len(TRIPLES),
        sha256=sha256(path),
        queries_without_positive=None,
        queries_without_negative=None,
    ).write(path.with_suffix(".json"))
    return folder


def weights(folder: Path, text: str) -> Tensor:
    """[V] by the definition, from all logits."""
    model = AutoModelForMaskedLM.from_pretrained(folder / "model").eval()
    tokens = BertTokenizerFast.from_pretrained(folder / "model")(text, return_tensors="pt")
    with torch.no_grad():
        return torch.log1p(model(**tokens).logits[0].clamp_min(0)).max(0).values


def stage(model: Path, data: Path, settings: TrainSettings, output: Path) -> tuple[list[Row], Outcome]:
    return train_run(
        Run("teacher", "tiny", Variant.parse("k1"), 3),
        model,
        data,
        read_triples(data / "triples-teacher.parquet"),
        settings,
        checkpoints=output / "checkpoints",
        output=output / "model",
        device="cpu",
        progress=None,
    )


@pytest.mark.parametrize("loss", ["margin-mse", "kl", "kl-margin-mse"])
def test_the_first_loss_is_that_of_the_teacher_scores_and_it_falls(loss: Loss, folder: Path, tmp_path: Path) -> None:
    settings = TrainSettings(
        loss=loss, negatives=2, batch_size=2, max_steps=12, learning_rate=3e-3, margin_mse_weight=0.25,
        lambda_query=0.0, lambda_document=0.0, query_length=8, document_length=8,
    )  # fmt: skip
    history, outcome = stage(folder / "model", folder / "data", settings, tmp_path)
    margins, divergence = 0.0, 0.0
    for query, positive, teacher in (("q1", "d1", [9.0, 2.0, 7.5]), ("q2", "d2", [1.0, 4.0, -3.0])):
        names = [positive, *(row[2] for row in TRIPLES if row[0] == query)]
        student = [float(weights(folder, QUERIES_[query]) @ weights(folder, DOCUMENTS[name])) for name in names]
        margins += sum((student[0] - s - teacher[0] + t) ** 2 for s, t in zip(student[1:], teacher[1:], strict=True))
        p, q = (torch.tensor(scores).double().softmax(0) for scores in (teacher, student))
        divergence += float((p * (p / q).log()).sum())
    expected = {"margin-mse": margins / 4, "kl": divergence / 2, "kl-margin-mse": divergence / 2 + 0.25 * margins / 4}
    assert history[0]["ranking_loss"] == pytest.approx(expected[loss], rel=1e-4)
    assert history[-1]["ranking_loss"] < 0.7 * history[0]["ranking_loss"]
    assert history[0]["tokens_query"] == 4.5 and history[0]["tokens_document"] == 4.5  # [CLS] and [SEP] among them
    assert (outcome.examples, outcome.triples, outcome.steps) == (2, 4, 12)
    assert (tmp_path / "model" / "modules.json").is_file()
    write_history(tmp_path / "history.parquet", history)  # its columns are those that are declared


@pytest.mark.parametrize(("steps", "mean"), [(1, 0.0), (100, 99.0), (101, 99.5), (250, 248.0)])
def test_the_loss_at_the_end_is_the_mean_of_the_last_hundredth(steps: int, mean: float) -> None:
    """Losses 0, 1, 2, …: of 250 steps the last three, 247 to 249."""
    assert last_loss([{"loss": float(step)} for step in range(steps)]) == mean


def test_a_last_loss_that_is_no_number_is_kept() -> None:
    assert math.isnan(last_loss([{"loss": 1.0}] * 198 + [{"loss": math.nan}, {"loss": 1.0}]))


def test_the_model_says_how_it_encodes(folder: Path, tmp_path: Path) -> None:
    settings = TrainSettings(
        loss="kl", negatives=2, batch_size=2, max_steps=2, query_length=6, document_length=8, precision="bf16",
        pool_special_tokens=False,
    )  # fmt: skip
    stage(folder / "model", folder / "data", settings, tmp_path)
    assert json.loads((tmp_path / "model" / "splade.json").read_text()) == {
        "schema_version": 3, "query_length": 6, "document_length": 8, "pool_special_tokens": False,
        "precision": "bf16", "query_prompt": "", "document_prompt": "",
        "special_tokens": "own", "pool_prompt": True, "reading": "causal", "echo_layout": "contiguous",
        "pooling": "max", "activation": "relu", "max_active_dims": None, "lower_case": False, "query_side": "model",
    }  # fmt: skip
    files = [place / "model" / "tokenizer.json" for place in (folder, tmp_path)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_model_trained_with_a_double_logarithm_is_loaded_as_one(folder: Path, tmp_path: Path) -> None:
    from sentence_transformers import SparseEncoder

    settings = TrainSettings(
        loss="kl", negatives=2, batch_size=2, max_steps=3, query_length=8, document_length=8, activation="log1p_relu"
    )
    stage(folder / "model", folder / "data", settings, tmp_path)
    model = SparseEncoder(str(tmp_path / "model"), device="cpu")
    found = model.encode(list(DOCUMENTS.values()), convert_to_sparse_tensor=False)
    expected = torch.stack([torch.log(1 + weights(tmp_path, text)) for text in DOCUMENTS.values()])
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert float((found > 0).float().mean()) > 0.05


@pytest.mark.parametrize("k", [1.0, 4.0])
def test_lambdas_that_follow_k_are_those_of_sixteen_times_the_lambdas(k: float, folder: Path, tmp_path: Path) -> None:
    """Read from rescale.json, not from the run's name, which may have a rule in its place."""
    (tmp_path / "rescaled").mkdir()
    make_rescaled(folder / "model", Variant(k), tmp_path / "rescaled")
    common = {"loss": "kl", "negatives": 2, "batch_size": 2, "max_steps": 2, "query_length": 8, "document_length": 8}
    settings = TrainSettings(**common, lambda_query=0.3, lambda_document=0.2, ramp="none")  # type: ignore[arg-type]
    follows = settings.model_copy(update={"lambda_follows_k": True})
    by_hand = settings.model_copy(
        update={"lambda_query": 0.3 * (16 if k == 4 else 1), "lambda_document": 0.2 * (k * k)}
    )
    found, _ = stage(tmp_path / "rescaled", folder / "data", follows, tmp_path / "follows")
    expected, _ = stage(tmp_path / "rescaled", folder / "data", by_hand, tmp_path / "by_hand")
    assert [row["loss"] for row in found] == [row["loss"] for row in expected]
    assert (found[0]["lambda_query"], found[0]["lambda_document"]) == pytest.approx((0.3 * k * k, 0.2 * k * k))


def test_a_saved_model_has_the_multiplier_that_was_trained(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of two runs by one small step, one trains it: their models differ by that factor on all logits but the bias."""
    (tmp_path / "rescaled").mkdir()
    make_rescaled(folder / "model", Variant(4.0, "multiplier"), tmp_path / "rescaled")
    logits = []
    for trained in (False, True):
        settings = TrainSettings(
            loss="kl", negatives=2, batch_size=2, max_steps=1, warmup_steps=0, query_length=8, document_length=8,
            learning_rate=1e-2, train_multiplier=trained, epsilon=1e-30,
        )  # fmt: skip
        with caplog.at_level("INFO", "rescalade"):
            stage(tmp_path / "rescaled", folder / "data", settings, tmp_path / str(trained))
        model = AutoModelForMaskedLM.from_pretrained(tmp_path / str(trained) / "model").eval()
        with torch.no_grad():
            logits.append(model(torch.arange(5, 15)[None]).logits - model.cls.predictions.bias)
    (line,) = [record.getMessage() for record in caplog.records if "multiplier of the logits" in record.getMessage()]
    found = float(line.split()[4])
    assert abs(found - 0.25) == pytest.approx(0.01, rel=1e-3)  # Adam's first step is the learning rate
    torch.testing.assert_close(logits[1] * 0.25, logits[0] * found, rtol=1e-3, atol=1e-4)


def test_a_model_with_weights_that_are_not_finite_is_refused(folder: Path, tmp_path: Path) -> None:
    model = AutoModelForMaskedLM.from_pretrained(folder / "model")
    with torch.no_grad():
        model.bert.encoder.layer[1].output.dense.bias[3:5] = float("nan")
    model.save_pretrained(tmp_path / "broken")
    BertTokenizerFast.from_pretrained(folder / "model").save_pretrained(tmp_path / "broken")
    settings = TrainSettings(batch_size=2, max_steps=2, query_length=8, document_length=8)
    with pytest.raises(UserError, match="broken: 2 of its weights are not finite"):
        stage(tmp_path / "broken", folder / "data", settings, tmp_path)
    assert not (tmp_path / "model").exists()


CONFIG = """
experiment: one
sources: {pydoc: {kind: pydoc}}
datasets: {data: {source: pydoc, packages: [rich]}}
backbones: {tiny: {source: local, path: tiny}}
recipes: {teacher: {}}
experiments:
  one: {title: One, recipe: teacher, train_on: data, in_domain: [data], grid: [{backbones: [tiny], scales: [4]}]}
"""


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": ...}, "schema_version: expected 2, found none: an older version of rescalade wrote it"),
        ({"bias": ...}, "bias: expected this key, found none"),
        ({"scale": "4"}, "scale: expected a valid number, found '4'"),
        ({"mode": "shared"}, "mode: expected 'tied', 'untied', 'folded' or 'multiplier', found 'shared'"),
    ],
)
def test_what_was_done_to_the_head_must_be_readable(
    changes: dict[str, object],
    message: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(CONFIG)
    divided = Path("results/rescaled/tiny/k4")
    shutil.copytree(folder / "data", tmp_path / "results" / "data" / "data")
    shutil.copytree(folder / "model", divided)
    values = file_of(Rescaled).model_dump() | changes
    text = json.dumps({key: value for key, value in values.items() if value is not ...})
    (divided / "rescale.json").write_text(text)
    status, lines = call(capsys, "train", "teacher/tiny/k4/seed1")
    assert status == 2
    remedy = "delete the folder that it lies in and rescale the model again"
    assert lines == [f"rescalade: error: {divided}/rescale.json: {message}; {remedy}"]
    assert not list((tmp_path / "results").glob("runs/**/outcome.json"))


def test_adapters_are_merged_into_the_model_that_is_saved(folder: Path, tmp_path: Path) -> None:
    """W of the head as it was; every matrix that had an adapter moved, by at most its rank; and nothing else did."""
    lora = LoraSettings(rank=2, targets=("query", "key", "value", "dense"))
    settings = TrainSettings(
        negatives=2, batch_size=2, max_steps=4, learning_rate=1e-2, query_length=8, document_length=8, lora=lora
    )
    history, _ = stage(folder / "model", folder / "data", settings, tmp_path)
    before, after = (load_file(path / "model.safetensors") for path in (folder / "model", tmp_path / "model"))
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if ".encoder." in name and name.endswith(("query.weight", "key.weight",
        "value.weight", "dense.weight"))}  # fmt: skip
    assert all(int(torch.linalg.matrix_rank(after[n].double() - before[n], rtol=1e-4)) <= 2 for n in moved)
    assert len({row["row_norm"] for row in history}) == 1
