"""What happens around the steps: history, progress, checkpoints, the collapse watch, and an orderly end on SIGTERM."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from rescalade.errors import UserError
from rescalade.objective.measures import Row
from rescalade.progress import Progress
from rescalade.training.collapse_watch import CollapseWatch
from rescalade.training.process_group import ProcessGroup
from rescalade.training.resume import save
from rescalade.training.settings import TrainSettings

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

    from rescalade.training.trainer import SpladeTrainer

logger = logging.getLogger(__name__)
TIMED_STEPS = 5
"""Steps after which the time of a run is foretold; the first one warms up and does not count."""


class Interrupted(SystemExit):
    """Raised after SIGTERM, once the state is saved. Exit status 143, as the shell gives it."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


class TrainingCallback(TrainerCallback):
    """Keeps the history of a training run and acts on it; a context manager that holds the handler of SIGTERM.

    history: rows of all steps so far, those of earlier processes included. stopped_at: see `Trained`.
    """

    def __init__(
        self,
        history: list[Row],
        settings: TrainSettings,
        seed: int,
        candidates: int | None,
        checkpoints: Path,
        group: ProcessGroup,
        progress: Progress | None,
        tensorboard: Path | None,
    ) -> None:
        self.history: list[Row] = history
        self.stopped_at: int | None = None
        self._settings, self._seed, self._checkpoints, self._group = settings, seed, checkpoints, group
        self._candidates, self._progress = candidates, progress
        self._tensorboard: SummaryWriter | None = None
        if settings.tensorboard and tensorboard is not None and group.first:
            self._tensorboard = tensorboard_writer(tensorboard, len(history))
        self._asked_to_stop = False

    def attach(self, trainer: SpladeTrainer) -> None:
        """Take the trainer whose steps are to come; the watch takes in the steps before them."""
        self._trainer = trainer
        self._watch = CollapseWatch(
            trainer.splade.head.weight.shape[0],
            self._candidates,
            trainer.steps,
            ramp=self._settings.ramp_length(trainer.steps),
            patience=self._settings.collapse_patience,
        )
        self._watch.replay(self.history)

    def __enter__(self) -> TrainingCallback:
        if threading.current_thread() is threading.main_thread():  # only there may handlers be set
            self._before = signal.signal(signal.SIGTERM, self._terminate)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._before)
        if self._tensorboard is not None:
            self._tensorboard.close()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Add the row of the step to the history; save, warn or stop where it is time to."""
        row, steps = self._trainer.row, self._trainer.steps
        self.history.append(row)
        done = len(self.history)
        if self._tensorboard is not None:
            for name, value in row.items():
                if name != "step" and value is not None:
                    self._tensorboard.add_scalar(name, value, int(row["step"]))
        if self._progress is not None:
            self._progress(done, steps, row)
        self._foretell(done, steps)
        lasting = self._group.first and self._watch.see(row)
        if self._settings.stop_on_collapse and self._group.any(lasting, args.device):
            self.stopped_at = int(row["step"])
            logger.warning("stopped after step %d: collapsed for %d steps", done, self._settings.collapse_patience)
            control.should_training_stop = True
        stop = self._group.any(self._asked_to_stop, args.device)
        if stop or (done % self._settings.checkpoint_every == 0 and done < steps):
            self._save()
        if stop:
            logger.warning("SIGTERM: saved after step %d of %d; run the same command again to go on", done, steps)
            raise Interrupted

    def _save(self) -> None:
        if self._group.first:
            trainer = self._trainer
            save(self._checkpoints, trainer.splade, trainer.adamw, self.history, self._settings, self._seed)
        self._group.barrier()

    def _foretell(self, done: int, steps: int) -> None:
        if done - self._trainer.first == TIMED_STEPS and done < steps:
            seconds = sum(row["seconds"] for row in self.history[done - TIMED_STEPS + 1 :]) / (TIMED_STEPS - 1)
            left = steps - done
            logger.info("%.3g s a step: about %s for the %d to come", seconds, span(seconds * left), left)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self._asked_to_stop = True


def span(seconds: float) -> str:
    """A time in the unit that a reader would choose."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def tensorboard_writer(folder: Path, first: int) -> SummaryWriter:
    """A writer of scalars from step `first` on; what an interrupted run wrote from there on is void.

    Raises:
        UserError: the package tensorboard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError(
            "tensorboard: true, but the package tensorboard is not installed; "
            "pip install tensorboard, or set tensorboard: false"
        ) from None
    return SummaryWriter(str(folder), purge_step=first)
