"""Sparsity of encoded queries and documents."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rescalade.encoding.vectors import SparseVectors


def sparsity(queries: SparseVectors, documents: SparseVectors, vocabulary: int) -> dict[str, float]:
    """Active terms and FLOPS by both definitions in use.

    Returns:
        active_query, active_document: mean number of terms with a weight above 0.
        flops: sum_j p_q(j) p_d(j), with p the share of texts that contain term j: the expected number of
        multiplications to score one query-document pair (Formal et al., arXiv 2109.10086).
        flops_regulariser_query, flops_regulariser_document: sum_j (mean weight_j)^2, what the training
        regulariser measures, here over the whole collection.
    """
    query_share, document_share = _share(queries, vocabulary), _share(documents, vocabulary)
    return {
        "active_query": queries.postings / max(1, len(queries)),
        "active_document": documents.postings / max(1, len(documents)),
        "flops": float(query_share @ document_share),
        "flops_regulariser_query": float(np.square(_mean(queries, vocabulary)).sum()),
        "flops_regulariser_document": float(np.square(_mean(documents, vocabulary)).sum()),
    }


def _share(vectors: SparseVectors, vocabulary: int) -> NDArray[np.float64]:
    return np.bincount(vectors.terms, minlength=vocabulary) / max(1, len(vectors))


def _mean(vectors: SparseVectors, vocabulary: int) -> NDArray[np.float64]:
    return np.bincount(vectors.terms, weights=vectors.weights, minlength=vocabulary) / max(1, len(vectors))
