"""Out of memory, said so that a reader knows what to change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from rescalade.errors import UserError
from rescalade.training.forecast import GB, Plan
from rescalade.training.settings import TrainSettings

SIGNS = ("not enough memory", "can't allocate memory", "out of memory")


@contextmanager
def explained(settings: TrainSettings, plan: Plan, texts: int) -> Iterator[None]:
    """Turn a failed allocation into advice.

    Args:
        settings: those of the run. plan: its estimate. texts: what a device encodes at once without encode_rows.

    Raises:
        UserError: memory ran out.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and not _is_sign(str(error)):
            raise
        now = min(settings.encode_rows or texts, texts)
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"out of memory while training ({plan.memory / GB:.2g} GB estimated, the device has "
            f"{plan.available / GB:.3g}): set encode_rows to {max(1, now // 2)} (now {now} texts at once); "
            f"the gradient stays the same. What failed: {first}"
        ) from None


def _is_sign(message: str) -> bool:
    return any(sign in message.lower() for sign in SIGNS)
