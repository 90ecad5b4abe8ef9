"""Scores that a teacher gave to the texts of the triples."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rescalade.errors import UserError
from rescalade.texts.triple_files import SCORES


def teacher_scores(triples: pa.Table, loss: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """[T] scores of the positives and [T] of the negatives.

    Raises:
        UserError: a column is missing or holds something else, or a score is missing or not finite as float32.
    """
    positive, negative = (_column(triples, name, loss) for name in SCORES)
    return positive, negative


def _column(triples: pa.Table, name: str, loss: str) -> NDArray[np.float32]:
    if name not in triples.column_names:
        raise UserError(
            f"loss {loss}: the triples have no column {name!r}; use a data set with teacher scores, or loss: infonce"
        )
    kind = triples.schema.field(name).type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        raise UserError(f"loss {loss}: column {name!r} of the triples holds {kind}, expected numbers; score them again")
    # without the cast a null would stay an object; with it, it is NaN
    parts = [chunk.cast(pa.float64()).to_numpy(zero_copy_only=False) for chunk in triples[name].chunks]
    with np.errstate(over="ignore"):
        values = np.concatenate([np.zeros(0, np.float32), *(part.astype(np.float32) for part in parts)])
    missing = int((~np.isfinite(values)).sum())
    if missing:
        raise UserError(
            f"loss {loss}: {missing} of {len(values)} triples have no finite {name}; score them again, remove them, "
            "or use loss: infonce"
        )
    return values
