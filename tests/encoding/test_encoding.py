"""Encoding against the plain model and against sentence-transformers' SparseEncoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from rescalade.backbones.vocabulary import as_transformers, train_wordpiece
from rescalade.encoding.encode import EncodeJob
from rescalade.encoding.encoder import plan_batches
from rescalade.encoding.settings import EncodeSettings
from rescalade.encoding.work_folder import WorkFolder
from rescalade.errors import UserError
from rescalade.models.sparse_encoder_files import save_sparse_encoder
from rescalade.models.splade_config import FILE
from rescalade.rescaling.divide import apply
from rescalade.texts.collection import CORPUS, QRELS, QUERIES, Collection
from rescalade.texts.text_parts import table_texts
from rescalade.variants import Variant
from rescalade.vectors.manifest_file import VectorsManifest
from rescalade.vectors.vectors import QUERIES as QUERY_FILE
from rescalade.vectors.vectors import CorpusShards, concatenate, read_manifest, read_vectors
from support.encoding import SETTINGS, splade_config
from support.models import tiny
from support.oracle import write_manifest
from support.texts import TEXTS


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return as_transformers(train_wordpiece(TEXTS, 60), 16)


def collection() -> Collection:
    documents = [{"id": f"d{i}", "title": "", "text": text} for i, text in enumerate(TEXTS[:25])]
    queries = [{"id": f"q{i}", "text": text[:20], "group": ""} for i, text in enumerate(TEXTS[:5])]
    return Collection(
        pa.Table.from_pylist(documents, schema=CORPUS),
        pa.Table.from_pylist(queries, schema=QUERIES),
        pa.Table.from_pylist([], schema=QRELS),
    )


def model_folder(path: Path, kind: str, variant: Variant, tokenizer: PreTrainedTokenizerFast) -> Path:
    model = tiny(kind)
    apply(model, variant)
    save_sparse_encoder(model, tokenizer, splade_config(), path)
    return path


def encode(folder: Path, output: Path, **changes: Any) -> VectorsManifest:
    settings = EncodeSettings(**{**SETTINGS.model_dump(), **changes})
    output.mkdir()
    documents, queries = table_texts(collection().corpus), table_texts(collection().queries)
    return EncodeJob(folder, documents, queries, settings, work=WorkFolder(output)).encode(["cpu"], lambda *_: None)


def dense(folder: Path, names: Sequence[str], vocabulary: int) -> np.ndarray[Any, Any]:
    vectors = concatenate([read_vectors(folder / name) for name in names])
    block = np.zeros((len(vectors), vocabulary), np.float32)
    for row in range(len(vectors)):
        part = slice(vectors.offsets[row], vectors.offsets[row + 1])
        assert (np.diff(vectors.terms[part]) > 0).all()
        block[row, vectors.terms[part]] = vectors.weights[part]
    return block


@pytest.mark.parametrize(
    ("kind", "variant"),
    [
        ("bert", Variant(1)),
        ("bert", Variant(4, "untied", True)),
        ("modernbert", Variant(2)),
        ("roberta", Variant(4, "untied")),
        ("distilbert", Variant(2)),
    ],
)
def test_vectors_equal_those_of_sparse_encoder(
    kind: str, variant: Variant, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    from sentence_transformers import SparseEncoder

    folder = model_folder(tmp_path / "model", kind, variant, tokenizer)
    manifest = encode(folder, tmp_path / "vectors")
    ours = dense(tmp_path / "vectors", manifest.shards, manifest.vocabulary)
    theirs = SparseEncoder(str(folder), device="cpu").encode(
        TEXTS[:25], convert_to_tensor=True, show_progress_bar=False
    )
    reference = theirs.to_dense().numpy()
    assert ours.any()
    # other batches mean other sums: float32 noise, and terms next to zero may fall on either side
    np.testing.assert_allclose(ours, reference, atol=2e-6)


def test_sharding_and_batching_leave_the_vectors_alone(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model", "bert", Variant(1), tokenizer)
    one = encode(folder, tmp_path / "one", shard_documents=1000)
    many = encode(folder, tmp_path / "many", shard_documents=4)
    assert len(one.shards) == 1 and len(many.shards) == 7
    first = dense(tmp_path / "one", one.shards, one.vocabulary)
    second = dense(tmp_path / "many", many.shards, many.vocabulary)
    np.testing.assert_allclose(first, second, atol=2e-6)
    again = encode(folder, tmp_path / "again", shard_documents=1000)
    assert again.sha256 == one.sha256


def test_special_tokens_can_be_left_out_of_the_max(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model", "bert", Variant(1), tokenizer)
    encode(folder, tmp_path / "with")
    splade_config(pool_special_tokens=False).write(folder / FILE)
    manifest = encode(folder, tmp_path / "without")
    with_special = dense(tmp_path / "with", [QUERY_FILE], manifest.vocabulary)
    without = dense(tmp_path / "without", [QUERY_FILE], manifest.vocabulary)
    assert (with_special >= without - 2e-6).all() and (with_special > without + 1e-3).any()
    ids = torch.tensor([tokenizer(TEXTS[0][:20], truncation=True, max_length=8)["input_ids"]])
    with torch.no_grad():
        logits = tiny("bert")(input_ids=ids).logits[0]
    kept = logits[~torch.isin(ids[0], torch.tensor(tokenizer.all_special_ids))]
    expected = torch.log1p(torch.relu(kept)).max(0).values
    np.testing.assert_allclose(without[0], expected.numpy(), atol=2e-6)


def test_a_corpus_is_read_shard_by_shard_as_often_as_one_likes(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    folder = model_folder(tmp_path / "model", "bert", Variant(1), tokenizer)
    encode(folder, tmp_path / "v")
    shards = CorpusShards(tmp_path / "v")
    assert (len(shards), shards.documents) == (3, 25)
    for _ in range(2):
        assert [identity for shard in shards for identity in shard.ids] == [f"d{i}" for i in range(25)]


def test_a_damaged_or_missing_shard_is_named(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model", "bert", Variant(1), tokenizer)
    assert encode(folder, tmp_path / "v") == read_manifest(tmp_path / "v")
    shard = tmp_path / "v" / "shard-00001.parquet"
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(UserError, match=r"shard-00001.*encode again"):
        read_manifest(tmp_path / "v")
    shard.unlink()
    with pytest.raises(UserError, match="is missing"):
        read_manifest(tmp_path / "v")


def test_batches_hold_every_text_once_within_their_budget() -> None:
    lengths = [3, 50, 1, 7, 7, 64, 90, 2]
    batches = list(plan_batches(lengths, 64))
    assert sorted(number for batch in batches for number in batch) == list(range(8))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[n] for n in batch) <= 64
    assert [6] in batches  # longer than the budget: alone
    assert [len(batch) for batch in plan_batches([1] * 7, 64, 3)] == [3, 3, 1]


def test_the_backend_of_the_head_is_passed_on(
    tokenizer: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rescalade.splade import model

    seen, plain = set(), model.term_weights

    def watched(*arguments: Any) -> Any:
        seen.add(arguments[4])
        return plain(*arguments[:4])

    monkeypatch.setattr(model, "term_weights", watched)
    folder = model_folder(tmp_path / "model", "bert", Variant(1), tokenizer)
    encode(folder, tmp_path / "a")
    encode(folder, tmp_path / "b", head_backend="screen")
    assert seen == {"auto", "screen"}


def test_bf16_is_close_and_off_by_default(tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model", "bert", Variant(1), tokenizer)
    manifest = encode(folder, tmp_path / "exact")
    encode(folder, tmp_path / "half", precision="bf16")
    exact, half = (dense(tmp_path / name, manifest.shards, manifest.vocabulary) for name in ("exact", "half"))
    # eight bits of mantissa in the encoder: a hundredth of weights that are about 1
    assert 1e-6 < np.abs(exact - half).max() < 0.1


def test_a_range_of_texts_is_read_from_the_row_groups_that_hold_it(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from rescalade.texts.text_parts import folder_texts

    table = collection().corpus
    pq.write_table(table, tmp_path / "corpus.parquet", row_group_size=4)
    pq.write_table(collection().queries, tmp_path / "queries.parquet")
    write_manifest(tmp_path)
    documents, queries = folder_texts(tmp_path)
    assert (documents.count, queries.count) == (25, 5)
    for first, stop in [(0, 25), (3, 4), (4, 8), (7, 21), (24, 25)]:
        ids, texts = documents.read(first, stop)
        assert ids == [f"d{number}" for number in range(first, stop)]
        assert texts == TEXTS[first:stop]
    (tmp_path / "corpus.parquet").write_bytes((tmp_path / "corpus.parquet").read_bytes()[:-7])
    with pytest.raises(UserError, match=r"corpus\.parquet.*damaged"):
        folder_texts(tmp_path)
