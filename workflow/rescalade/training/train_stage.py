"""The stage `train`."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from rescalade.atomic import atomic_folder, sha256
from rescalade.history import write_history
from rescalade.models.model_files import model_files
from rescalade.objective.measures import Row
from rescalade.outcome import Outcome
from rescalade.progress import Reporter
from rescalade.rescaling.sidecar import FILE as SIDECAR
from rescalade.runs import Run
from rescalade.stage import Call, Files
from rescalade.texts.triple_files import read_triples
from rescalade.training.process_group import join_process_group, leave_process_group
from rescalade.training.run import train_run
from rescalade.training.settings import RunSettings


def run_train(settings: RunSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Train one run from its rescaled backbone, in this process or in each of a group of processes.

    Unfinished work is kept under a key of the settings, the code, the kind of device and the bytes of all inputs. The
    outcome is written last and says that the run is whole.

    Raises:
        UserError: model, tokenizer and data do not fit together, or a file is missing or damaged.
    """
    device = call.machine.device()
    group = join_process_group(device)
    if not group.first:
        logging.disable(logging.WARNING)  # the first process speaks for all
    # all files of the model: its reading stands in config.json, and two modes may give the same weights
    start = [*model_files(inputs["model"]), inputs["model"] / SIDECAR]
    read = [*start, *(inputs[name] for name in ("corpus", "queries", "triples"))]
    unfinished = call.unfinished(device, *map(sha256, read))
    run = Run.parse(call.names["run"])

    def work(model: Path, progress: Reporter | None) -> tuple[list[Row], Outcome]:
        return train_run(
            run,
            inputs["model"],
            inputs["corpus"].parent,
            read_triples(inputs["triples"]),
            settings,
            checkpoints=unfinished,
            output=model,
            device=device,
            progress=progress,
            group=group,
            tensorboard=call.caches["tensorboard"],
            tokens=call.caches.get("tokens"),
        )

    if not group.first:
        work(outputs["model"], None)
        leave_process_group()
        return
    outputs["outcome"].unlink(missing_ok=True)
    with atomic_folder(outputs["model"]) as model, Reporter(call.title) as progress:
        history, outcome = work(model, progress)
    write_history(outputs["history"], history)
    call.record(outputs["record"])
    outcome.write(outputs["outcome"])
    shutil.rmtree(unfinished, ignore_errors=True)
    leave_process_group()
