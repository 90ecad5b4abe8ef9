"""A real SPLADE model on a real collection, against values measured with sentence-transformers and pytrec_eval.

Documents are cut at 256 tokens, queries at 64; title, a space and the text. Cranfield's codes run from 1, best, to 4,
with -1 for not relevant: the gain is 5 - code, and 0 for -1.
"""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest
import torch

from rescalade.data.collection import CORPUS, QRELS, QUERIES, Collection
from rescalade.encoding.encode import EncodeSettings, encode_collection
from rescalade.encoding.vectors import QUERIES as QUERY_FILE
from rescalade.encoding.vectors import read_vectors
from rescalade.heads.locate import locate_head
from rescalade.heads.norms import head_norms
from rescalade.retrieval.index import build_index
from rescalade.retrieval.search import search
from rescalade.scoring.flops import sparsity
from rescalade.scoring.score import score_queries, summarise

SHARED = Path(__file__).parents[2] / "shared" / "data"
MODEL = SHARED / "models" / "splade-tiny"
needs_data = pytest.mark.skipif(
    not MODEL.is_dir(), reason=f"{MODEL} is not there: a real model for trials, not in the repository"
)


def records(path: Path) -> list[dict[str, str]]:
    """Cranfield's format: .I starts a record, .T .A .B .W a field."""
    found = []
    for block in re.split(r"^\.I", path.read_text(), flags=re.MULTILINE)[1:]:
        parts = re.split(r"^\.([TABW])\s*$", block, flags=re.MULTILINE)
        found.append(
            {"I": parts[0].strip(), **{k: " ".join(v.split()) for k, v in zip(parts[1::2], parts[2::2], strict=True)}}
        )
    return found


def cranfield() -> Collection:
    folder = SHARED / "cranfield"
    documents = [
        # the abstract starts with the title once more; it counts once
        {"id": r["I"], "title": r["T"], "text": r["W"].removeprefix(r["T"]).strip()}
        for r in records(folder / "cran.all.1400")
    ]
    queries = [{"id": str(n), "text": r["W"], "group": ""} for n, r in enumerate(records(folder / "cran.qry"), 1)]
    qrels = {}
    for line in (folder / "cranqrel").read_text().split("\n"):
        if line.split():
            query, document, code = line.split()[:3]
            qrels[query, document] = 0 if code == "-1" else 5 - int(code)
    rows = [{"query_id": q, "document_id": d, "grade": g} for (q, d), g in qrels.items()]
    return Collection(
        pa.Table.from_pylist(documents, schema=CORPUS),
        pa.Table.from_pylist(queries, schema=QUERIES),
        pa.Table.from_pylist(rows, schema=QRELS),
    )


@needs_data
@pytest.mark.slow
def test_cranfield_from_text_to_score(tmp_path: Path) -> None:
    collection = cranfield()
    assert (len(collection.corpus), len(collection.queries)) == (1400, 225)
    torch.set_num_threads(2)
    settings = EncodeSettings(
        query_length=64, document_length=256, pool_special_tokens=True, shard_documents=500, batch_tokens=8192
    )
    manifest = encode_collection(MODEL, collection, settings, output=tmp_path, device="cpu", progress=lambda *_: None)
    shards = [read_vectors(tmp_path / name) for name in manifest["shards"]]
    queries = read_vectors(tmp_path / QUERY_FILE)
    index = build_index(shards, manifest["vocabulary"])
    run = {
        query: [(index.ids[n], float(s)) for n, s in zip(*ranking, strict=True)]
        for query, ranking in zip(queries.ids, search(index, queries, 1000), strict=True)
    }
    metrics = summarise(score_queries(collection.relevant(), run), {})["metrics"]
    assert metrics["nDCG@10"] == pytest.approx(0.3607, abs=0.002)
    assert metrics["MRR@10"] == pytest.approx(0.5334, abs=0.004)
    found = sparsity(queries, shards, manifest["vocabulary"])
    assert found["active_query"] == pytest.approx(58.1, abs=0.1)
    assert found["active_document"] == pytest.approx(230.3, abs=0.2)


@needs_data
def test_norms_of_a_real_head() -> None:
    from rescalade.backbones.load import load_masked_lm

    norms = head_norms(locate_head(load_masked_lm(MODEL)))
    assert norms["row_norm"]["mean"] == pytest.approx(0.6819, abs=5e-5)
    assert norms["row_norm"]["max"] == pytest.approx(1.022, abs=5e-4)
    assert norms["bias_norm"] == pytest.approx(85.95, abs=5e-3)
    assert norms["frobenius"] == pytest.approx(119.9, abs=0.05)
    assert norms["anisotropy"] == pytest.approx(0.168, abs=5e-4)
    assert norms["tied"]
