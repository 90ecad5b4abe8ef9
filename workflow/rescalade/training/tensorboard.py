"""The history for TensorBoard, where it is wanted and installed."""

from __future__ import annotations

from pathlib import Path

from rescalade.errors import UserError
from rescalade.objective.measures import Row


class TensorBoardWriter:
    """Writes each row from step `first` on as scalars; what an interrupted run wrote from there on is void.

    Raises:
        UserError: the package tensorboard is not installed.
    """

    def __init__(self, folder: Path, first: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise UserError(
                "tensorboard: true, but the package tensorboard is not installed; "
                "pip install tensorboard, or set tensorboard: false"
            ) from None
        self._writer = SummaryWriter(str(folder), purge_step=first)

    def write(self, row: Row) -> None:
        """Add one step."""
        for name, value in row.items():
            if name != "step" and value is not None:
                self._writer.add_scalar(name, value, int(row["step"]))

    def close(self) -> None:
        """Write what is still held."""
        self._writer.close()
