"""history.parquet of an adapted backbone: one row per optimiser step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.errors import UserError, let_refusals_through

if TYPE_CHECKING:
    import pyarrow as pa

FILE = "history.parquet"
"""Name of the file in the backbone's folder."""
COLUMNS = (
    "step", "loss", "next_token_loss", "sparse_loss", "active", "learning_rate", "gradient_norm", "seconds",
)  # fmt: skip
"""`active`: vocabulary items with a positive logit, on average over positions. `step` int64, the others float64."""


def write_history(folder: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write the rows into a backbone's folder."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: [row[name] for row in rows] for name in COLUMNS}
    kinds = {name: pa.int64() if name == "step" else pa.float64() for name in COLUMNS}
    table = pa.table({name: pa.array(values, kinds[name]) for name, values in columns.items()})
    pq.write_table(table, folder / FILE, compression="zstd")


def read_history(folder: Path) -> pa.Table | None:
    """The table of a backbone's folder, None where there is none.

    Raises:
        UserError: it cannot be read, or has other columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / FILE
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        return None
    except (OSError, pa.ArrowException) as error:
        let_refusals_through(error)
        raise UserError(f"{path} cannot be read ({error}); delete {folder} and adapt again") from None
    if tuple(table.column_names) != COLUMNS:
        expected, found = (", ".join(names) for names in (COLUMNS, table.column_names))
        raise UserError(f"{path}: columns {expected} expected, found {found}; delete {folder} and adapt again")
    return table
