"""history.parquet has exactly its columns, when it is written and when it is read."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from rescalade.errors import UserError
from rescalade.history import COLUMNS, COUNTED, read_history, write_history

ROW = {name: float(number) for number, name in enumerate(COLUMNS)} | {"step": 0, "loss": math.inf}


def uncounted(step: int) -> dict[str, float]:
    return {name: value for name, value in ROW.items() if name not in COUNTED} | {"step": step, "loss": math.nan}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_history(tmp_path / "history.parquet", [ROW, uncounted(1)])
    table = read_history(tmp_path / "history.parquet")
    assert table is not None and tuple(table.column_names) == COLUMNS
    first, second = table.to_pylist()
    assert first == ROW
    assert math.isnan(second["loss"]) and {second[name] for name in COUNTED} == {None}
    assert read_history(tmp_path / "none.parquet") is None


@pytest.mark.parametrize("rows", [[{**ROW, "lost": 1.0}], [{k: v for k, v in ROW.items() if k != "loss"}]])
def test_another_row_is_not_written(tmp_path: Path, rows: list[dict[str, float]]) -> None:
    with pytest.raises(ValueError, match=r"columns (lost|loss) are"):
        write_history(tmp_path / "history.parquet", rows)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("change", ["renamed", "missing", "text"])
def test_a_wrong_column_is_one_line(tmp_path: Path, name: str, change: str) -> None:
    path = tmp_path / "history.parquet"
    write_history(path, [ROW])
    table = pq.read_table(path)
    place = COLUMNS.index(name)
    if change == "renamed":
        table = table.rename_columns([f"{other}_" if other == name else other for other in COLUMNS])
    elif change == "missing":
        table = table.remove_column(place)
    else:
        table = table.set_column(place, name, table[name].cast("string"))
    pq.write_table(table, path)
    with pytest.raises(UserError, match=rf"history\.parquet: column {name}: expected .+; delete it and train again$"):
        read_history(path)


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "history.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match="cannot be read"):
        read_history(tmp_path / "history.parquet")
