"""A real SPLADE model on real collections, against values measured with sentence-transformers and pytrec_eval.

Vaswani by the four commands, less than a minute of CPU time; Cranfield by `rescalade evaluate`
(tests/cli/test_evaluate.py); bench/bench_collections.py does all four collections.
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
def test_from_text_to_score(tmp_path: Path) -> None:
    collection = real_data.vaswani()
    assert (len(collection.corpus), len(collection.queries)) == (11429, 93)
    lay_out(tmp_path, {"vaswani": collection}, shard_documents=4000)
    found = measure(tmp_path, "vaswani", threads=1)
    assert found["metrics"]["nDCG@10"] == pytest.approx(PUBLISHED["vaswani"], abs=0.002)
    assert found["metrics"]["MRR@10"] == pytest.approx(0.6195, abs=0.004)
    assert found["sparsity"]["active_query"] == pytest.approx(22.4, abs=0.1)
    assert found["sparsity"]["active_document"] == pytest.approx(87.9, abs=0.2)


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
