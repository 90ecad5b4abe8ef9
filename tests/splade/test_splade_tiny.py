"""A real SPLADE model on real collections, against values measured with sentence-transformers and pytrec_eval.

Cranfield and Vaswani are the cheap ones, about a minute of CPU time each; bench/bench_collections.py does all four.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding
from transformers import AutoTokenizer

from rescalade.models.locate import locate_head
from rescalade.models.norms import head_norms
from support import real_data
from support.oracle import PUBLISHED, lay_out, measure
from support.real_data import SPLADE_TINY
from support.sparse_encoders import ours, save, splade_modules, theirs

needs_data = pytest.mark.skipif(
    not SPLADE_TINY.is_dir(), reason=f"{SPLADE_TINY} is not there: a real model for trials, not in the repository"
)


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "documents", "queries", "mrr", "active_query", "active_document"),
    [("cranfield", 1400, 225, 0.5334, 58.1, 230.3), ("vaswani", 11429, 93, 0.6195, 22.4, 87.9)],
)
def test_from_text_to_score(
    name: str,
    documents: int,
    queries: int,
    mrr: float,
    active_query: float,
    active_document: float,
    tmp_path: Path,
) -> None:
    collection = getattr(real_data, name)()
    assert (len(collection.corpus), len(collection.queries)) == (documents, queries)
    lay_out(tmp_path, {name: collection}, shard_documents=4000)
    found = measure(tmp_path, name, threads=1)
    assert found["metrics"]["nDCG@10"] == pytest.approx(PUBLISHED[name], abs=0.002)
    assert found["metrics"]["MRR@10"] == pytest.approx(mrr, abs=0.004)
    assert found["sparsity"]["active_query"] == pytest.approx(active_query, abs=0.1)
    assert found["sparsity"]["active_document"] == pytest.approx(active_document, abs=0.2)


@needs_data
def test_norms_of_a_real_head() -> None:
    from rescalade.models.load import load_lm

    norms = head_norms(locate_head(load_lm(SPLADE_TINY)))
    assert norms.row_norm.mean == pytest.approx(0.6819, abs=5e-5)
    assert norms.row_norm.max == pytest.approx(1.022, abs=5e-4)
    assert norms.bias_norm == pytest.approx(85.95, abs=5e-3)
    assert norms.frobenius == pytest.approx(119.9, abs=0.05)
    assert norms.anisotropy == pytest.approx(0.168, abs=5e-4)
    assert norms.tied


@needs_data
def test_as_modules_of_sentence_transformers(tmp_path: Path) -> None:
    """Sums over tokens with a second logarithm for documents, a table for queries: 30,522 terms of real size."""
    from sentence_transformers.base.modules import Router

    tokenizer = AutoTokenizer.from_pretrained(SPLADE_TINY)
    documents = splade_modules(SPLADE_TINY, pooling_strategy="sum", activation_function="log1p_relu")
    table = SparseStaticEmbedding(tokenizer, torch.linspace(0.0, 9.0, 30522))
    path = save(tmp_path, [Router.for_query_document([table], documents)], prompts={"document": "passage: "})
    for found, expected in zip(ours(path), theirs(path), strict=True):
        assert 0 < int((expected > 0).sum()) < expected.numel()
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
