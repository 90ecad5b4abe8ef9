"""history.parquet: what is known of every optimiser step of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rescalade.atomic import atomic_file
from rescalade.errors import UserError, let_refusals_through

if TYPE_CHECKING:
    import pyarrow as pa

HISTORY = "history.parquet"
"""Name of the file in a run's folder."""
SIDES = ("query", "document")
COUNTED = tuple(f"{name}_{side}" for side in SIDES for name in ("active", "empty", "cosine", "max_weight"))
"""Columns that are null in steps in which nothing was counted (`watch_every`)."""
COLUMNS = (
    "step", "loss", "ranking_loss", "flops_query", "flops_document", "score_positive", "score_mean", "score_sd",
    *COUNTED, "regulariser_query", "regulariser_document", "tokens_query", "tokens_document", "lambda_query",
    "lambda_document", "learning_rate", "gradient_norm", "skipped", "nonfinite_losses", "row_norm", "seconds",
)  # fmt: skip
"""All of them, in their order: `step` int64, the others float64, NaN and infinite where a number was."""


def write_history(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write one row per optimiser step; in a step in which nothing was counted COUNTED may be left out.

    Raises:
        ValueError: a row has other columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for row in rows:
        if wrong := sorted(row.keys() ^ set(COLUMNS) - ({*COUNTED} - row.keys())):
            raise ValueError(f"step {row.get('step')}: columns {', '.join(wrong)} are missing or unknown")
    with atomic_file(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=_schema()), temporary, compression="zstd")


def read_history(path: Path) -> pa.Table | None:
    """The table, None where there is no such file.

    Raises:
        UserError: it cannot be read, or a column is missing, unknown or of another type.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    again = "delete it and train again"
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException) as error:
        let_refusals_through(error)
        raise UserError(f"{path} cannot be read ({error}); {again}") from None
    expected, found = ({field.name: str(field.type) for field in schema} for schema in (_schema(), table.schema))
    for name in [*expected, *found]:
        if expected.get(name) != found.get(name):
            raise UserError(
                f"{path}: column {name}: expected {expected.get(name, 'no such column')}, found "
                f"{found.get(name, 'none')}; {again}"
            )
    return table


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema([(name, pa.int64() if name == "step" else pa.float64()) for name in COLUMNS])
