"""Sparse vectors in the forms in which other libraries hold them, as compressed sparse rows. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rescalade.errors import UserError
from rescalade.library.words import Words
from rescalade.vectors.vectors import SparseVectors, concatenate

ACCEPTED = (
    "a scipy sparse matrix, a torch tensor (sparse or dense), a numpy array, a list of one such row for each text, or "
    "a list of dictionaries {term: weight}"
)


def as_rows(
    given: Any, ids: Sequence[str] | None = None, *, words: Words | None = None, first: int = 0
) -> tuple[SparseVectors, int | None]:
    """Vectors of N texts as float32 rows, terms ascending; what stands twice in a row of a matrix is added up.

    Args:
        given: one of ACCEPTED, [N, V], or rows of rescalade.vectors; a single row [V] or dictionary counts as N = 1.
            Weights of 0 may be among them. Nothing of it is changed.
        words: the number of each word, where dictionaries may have words for terms.
        ids: N names; where None, `given`'s own, or the numbers from `first` on.

    Returns:
        The rows and V, None where the form does not say it. Weights and terms are not checked here: whoever uses them
        names the text that has a wrong one.

    Raises:
        UserError: another form, a term that is no number and no known word, names that are no text or not as many as
            there are rows.
    """
    found, vocabulary = _rows(given, words)
    if ids is None:
        return (found if found.ids else _named(found, range(first, first + _count(found)))), vocabulary
    if isinstance(ids, str) or not all(isinstance(name, str) for name in ids):
        strange = ids if isinstance(ids, str) else next(name for name in ids if not isinstance(name, str))
        raise UserError(f"ids: a list of texts is expected, found {strange!r}; pass [str(name) for name in ids]")
    if len(ids) != _count(found):
        raise UserError(f"ids: {_count(found):,} are expected, one for each vector, found {len(ids):,}")
    return replace(found, ids=list(ids)), vocabulary


def _count(rows: SparseVectors) -> int:
    return len(rows.offsets) - 1


def _named(rows: SparseVectors, numbers: range) -> SparseVectors:
    return replace(rows, ids=list(map(str, numbers)))


def _rows(given: Any, words: Words | None = None) -> tuple[SparseVectors, int | None]:
    """Rows, without ids but for those that the form itself has."""
    if isinstance(given, SparseVectors):
        return given, None
    if isinstance(given, Mapping):
        return _of_dictionaries([given], words), None
    if hasattr(given, "tocsr"):
        return _of_scipy(given)
    if _is_tensor(given):
        return _of_tensor(given)
    if isinstance(given, np.ndarray) and given.dtype != object:
        return _of_array(given)
    if isinstance(given, Sequence | np.ndarray) and not isinstance(given, str | bytes):
        return _of_list(list(given), words)
    raise UserError(f"vectors: expected {ACCEPTED}; found {type(given).__name__}")


def _is_tensor(given: Any) -> bool:
    """Whether it is a torch tensor, told without importing torch: where nobody has, there is none."""
    return type(given).__module__.partition(".")[0] == "torch" and hasattr(given, "layout")


def _of_list(rows: list[Any], words: Words | None) -> tuple[SparseVectors, int | None]:
    if all(isinstance(row, Mapping) for row in rows):
        return _of_dictionaries(rows, words), None
    if any(isinstance(row, Mapping | str | bytes) or not hasattr(row, "shape") for row in rows):
        strange = next(row for row in rows if isinstance(row, str | bytes) or not hasattr(row, "shape"))
        raise UserError(f"vectors: expected {ACCEPTED}; found a list with {type(strange).__name__} in it")
    parts = [_rows(row) for row in rows]
    widths = {width for _, width in parts}
    if len(widths) > 1:
        raise UserError(
            f"vectors: rows of one width are expected, found {', '.join(map(str, sorted(map(_known, widths))))}"
        )
    return concatenate([part for part, _ in parts]), widths.pop()


def _known(width: int | None) -> int:
    return width or 0


def _of_dictionaries(rows: Sequence[Mapping[Any, Any]], words: Words | None) -> SparseVectors:
    rows = [_numbered(number, row, words) for number, row in enumerate(rows)]
    counts = np.fromiter(map(len, rows), np.int64, len(rows))
    size = int(counts.sum())
    try:
        terms = np.fromiter(chain.from_iterable(rows), np.int64, size)
    except OverflowError:
        raise UserError(
            "vectors: a term's number is beyond 64 bits; numbers below the vocabulary are expected"
        ) from None
    try:
        weights = np.fromiter(chain.from_iterable(row.values() for row in rows), np.float64, size)
    except (TypeError, ValueError):
        raise UserError("vectors: a weight is no number; expected {term: weight}") from None
    order = np.lexsort((terms, np.repeat(np.arange(len(rows)), counts)))
    return _packed(counts, terms[order], weights[order])


def _numbered(row: int, terms: Mapping[Any, Any], words: Words | None) -> Mapping[Any, Any]:
    """The weights of a text by number of the term: as they stand, or with numbers in place of words."""
    strange = next((term for term in terms if isinstance(term, bool) or not isinstance(term, int | np.integer)), None)
    if strange is None:
        return terms
    if words is None or not all(isinstance(term, str) for term in terms):
        raise UserError(
            f"vectors: row {row} has the term {strange!r}; numbers of terms are expected, or words alone where the "
            "vocabulary is given by words, as a list or as a tokenizer's get_vocab()"
        )
    unknown = next((term for term in terms if term not in words), None)
    if unknown is not None:
        raise UserError(f"vectors: row {row} has the word {unknown!r}, which is none of the {len(words):,} known ones")
    return {words[term]: weight for term, weight in terms.items()}


def _of_scipy(matrix: Any) -> tuple[SparseVectors, int]:
    if len(matrix.shape) == 1:
        matrix = matrix.reshape((1, -1))
    rows = matrix.tocsr()
    if not rows.has_canonical_format:
        rows = rows.copy()  # the caller's own stays as it is
        rows.sum_duplicates()
    return _packed(np.diff(rows.indptr), rows.indices, rows.data), int(rows.shape[1])


def _of_array(array: NDArray[Any]) -> tuple[SparseVectors, int]:
    if array.ndim not in (1, 2) or array.dtype.kind not in "fiub":
        raise UserError(f"vectors: an array of numbers [N, V] is expected, found {array.dtype} {list(array.shape)}")
    rows = np.atleast_2d(array)
    row, terms = np.nonzero(rows)  # a NaN is not 0, so it is found and refused
    return _packed(np.bincount(row, minlength=len(rows)), terms, rows[row, terms]), int(rows.shape[1])


def _of_tensor(tensor: Any) -> tuple[SparseVectors, int]:
    layout = str(tensor.layout).removeprefix("torch.")
    if tensor.dim() not in (1, 2) or layout not in ("strided", "sparse_coo", "sparse_csr"):
        raise UserError(f"vectors: a tensor [N, V] is expected, found a {layout} one of shape {list(tensor.shape)}")
    tensor = tensor.detach()
    if layout == "strided":
        return _of_array(tensor.cpu().float().numpy())
    if layout == "sparse_csr":
        counts, terms = tensor.crow_indices().cpu().numpy(), tensor.col_indices().cpu().numpy()
        return _of_scipy_parts(tensor.values().cpu().float().numpy(), terms, counts, tuple(tensor.shape))
    if tensor.sparse_dim() != tensor.dim():
        raise UserError("vectors: a tensor that is sparse in both dimensions is expected, found dense ones inside it")
    whole = tensor.coalesce()  # ordered by row, then term
    indices = whole.indices().cpu().numpy()
    row = indices[0] if len(indices) == 2 else np.zeros(indices.shape[1], np.int64)
    count = tensor.shape[0] if tensor.dim() == 2 else 1
    weights = whole.values().cpu().float().numpy()
    return _packed(np.bincount(row, minlength=count), indices[-1], weights), int(tensor.shape[-1])


def _of_scipy_parts(
    weights: NDArray[Any], terms: NDArray[Any], offsets: NDArray[Any], shape: tuple[int, ...]
) -> tuple[SparseVectors, int]:
    from scipy.sparse import csr_matrix

    return _of_scipy(csr_matrix((weights, terms, offsets), shape=shape))


def _packed(counts: NDArray[Any], terms: NDArray[Any], weights: NDArray[Any]) -> SparseVectors:
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    with np.errstate(over="ignore"):  # becomes infinite, which is refused
        return SparseVectors([], offsets, _int32(terms), weights.astype(np.float32, copy=False))


def _int32(terms: NDArray[Any]) -> NDArray[np.int32]:
    """Numbers beyond int32 as -1: they lie outside any vocabulary, and must not come back inside it."""
    if terms.dtype != np.int32 and len(terms) and (terms.max() > np.iinfo(np.int32).max or terms.min() < 0):
        terms = np.where((terms < 0) | (terms > np.iinfo(np.int32).max), -1, terms)
    return terms.astype(np.int32, copy=False)
