"""Runs trainings in processes forked from one that has imported everything and computed nothing.

The tests start `python tests/support/forked.py FOLDER` once and look at FOLDER/CASE.status and what CASE wrote.
Importing the trainer takes seconds; forks begin in milliseconds, so that many kills and worlds of several processes fit
into a test.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import transformers  # noqa: F401  # loaded before the forks
from safetensors.torch import load_file, save_file
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

import rescalade.splade.modules
import rescalade.training.trainer  # noqa: F401
from rescalade.models.lora import add_adapters
from rescalade.models.lora_settings import LoraSettings
from rescalade.splade.model import SpladeModel
from rescalade.training.process_group import join_process_group, leave_process_group
from rescalade.training.settings import TrainSettings
from support.families import tiny_form
from support.training import examples, run, still, without_time

RESUMED = TrainSettings(batch_size=4, max_steps=40, learning_rate=1e-3, checkpoint_every=3, accumulation=2)
KILLS = 6
LORA = LoraSettings(rank=3, dropout=0.0)
DIVIDED = TrainSettings(
    batch_size=4, accumulation=2, max_steps=2, learning_rate=1e-2, warmup_ratio=0.0, ramp="none", epsilon=1.0,
    lambda_query=0.3, lambda_document=0.2, max_gradient_norm=1e6, negatives=2,
)  # fmt: skip


def start(work: Callable[[], None]) -> int:
    """Run `work` in a fork; returns the process id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        torch.set_num_threads(1)
        work()
        status = 0
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException:  # noqa: BLE001  # a fork must not go back into the script
        traceback.print_exc()
    os._exit(status)


def train_to(folder: Path, name: str, *, slow: bool = False) -> None:
    """Train with checkpoints in `folder`; weights and history go beside it when it ends."""

    def progress(done: int, total: int, row: dict[str, float]) -> None:
        if slow:
            (folder / "moving").touch()
            time.sleep(0.02)

    trained, weights = run(folder / "checkpoints", RESUMED, progress=progress)
    (folder / f"{name}.txt").write_text(repr(without_time(trained.history)))
    save_file({key: value.contiguous() for key, value in weights.items()}, folder / f"{name}.safetensors")


def same(one: Path, other: Path) -> None:
    """Bit for bit the same weights and history."""
    first, second = load_file(one.with_suffix(".safetensors")), load_file(other.with_suffix(".safetensors"))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert one.with_suffix(".txt").read_text() == other.with_suffix(".txt").read_text()


def kills(folder: Path) -> None:
    """SIGKILL at random moments, then SIGTERM, which must save the very step it came in; then to the end."""
    os.waitpid(start(lambda: train_to(folder, "whole")), 0)
    broken = folder / "broken"
    broken.mkdir()
    checkpoints = broken / "checkpoints"
    for attempt in range(KILLS + 1):
        (broken / "moving").unlink(missing_ok=True)
        child = start(lambda: train_to(broken, "resumed", slow=True))
        while not (broken / "moving").exists():
            time.sleep(0.002)
        if attempt < KILLS:
            time.sleep(random.SystemRandom().uniform(0, 0.25))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        else:
            os.kill(child, signal.SIGTERM)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 128 + signal.SIGTERM
            assert len(list(checkpoints.glob("*/whole.json"))) == 1
        sys.stdout.write(f"ended; left: {[path.name for path in checkpoints.glob('*')]}\n")
        sys.stdout.flush()
    assert os.waitpid(start(lambda: train_to(broken, "resumed")), 0)[1] == 0
    same(folder / "whole", broken / "resumed")


def terminated(folder: Path) -> None:
    """Two processes, of which only the second gets a SIGTERM: both must end after one step, saved once, and go on."""

    def train_in(target: Path, rank: int, slow: bool) -> None:
        def progress(done: int, total: int, row: dict[str, float]) -> None:
            (target / f"step-of-{rank}").write_text(str(done))
            if slow:
                time.sleep(0.05)

        trained, weights = run(target / "checkpoints", RESUMED, group=join_process_group("cpu"), progress=progress)
        if rank == 0:
            target.with_suffix(".txt").write_text(repr(without_time(trained.history)))
            save_file({key: value.contiguous() for key, value in weights.items()}, target.with_suffix(".safetensors"))
        leave_process_group()

    for name in ("unbroken", "broken"):
        (folder / name).mkdir()
    assert ended(several(2, lambda rank: train_in(folder / "unbroken", rank, slow=False))) == [0, 0]
    broken = folder / "broken"
    children = several(2, lambda rank: train_in(broken, rank, slow=True))
    while not (broken / "step-of-1").exists():
        time.sleep(0.002)
    time.sleep(random.SystemRandom().uniform(0, 0.5))
    os.kill(children[1], signal.SIGTERM)
    assert ended(children) == [128 + signal.SIGTERM] * 2
    steps = {(broken / f"step-of-{rank}").read_text() for rank in range(2)}
    saved = [path.parent.name for path in (broken / "checkpoints").glob("*/whole.json")]
    assert len(steps) == 1 and saved == [f"step-{int(steps.pop()):08d}"], (steps, saved)
    assert ended(several(2, lambda rank: train_in(broken, rank, slow=False))) == [0, 0]
    same(folder / "unbroken", broken)


def several(devices: int, work: Callable[[int], None]) -> list[int]:
    """Forks with the variables of a process group, one for each rank."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.environ |= {"WORLD_SIZE": str(devices), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}

    def ranked(rank: int) -> None:
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        work(rank)

    return [start(lambda rank=rank: ranked(rank)) for rank in range(devices)]  # type: ignore[misc]


def ended(children: list[int]) -> list[int]:
    """Exit statuses, once all have ended."""
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def worlds(folder: Path) -> None:
    """The same training by 1, 2 and 4 processes: two logical batches, one or half of one for each process."""
    cases = {
        "infonce": (DIVIDED, (1, 2, 4)),
        "gathered": (DIVIDED.model_copy(update={"loss": "infonce-gathered", "encode_rows": 3}), (1, 2)),
        "adapters": (DIVIDED.model_copy(update={"lora": LORA, "gradient_checkpointing": True}), (1, 2)),
    }
    for name, (settings, counts) in cases.items():
        for devices in counts:

            def work(
                rank: int, target: Path = folder / f"{name}-{devices}", settings: TrainSettings = settings
            ) -> None:
                divided(target, settings)

            assert ended(several(devices, work)) == [0] * devices, (name, devices)


def adapted() -> SpladeModel:
    """A tiny Llama with adapters of which neither part is zero, so that both have a gradient."""
    model = tiny_form("llama, tied")
    add_adapters(model, LORA, seed=1)
    torch.manual_seed(2)
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.2)
    return SpladeModel(model)


def divided(target: Path, settings: TrainSettings = DIVIDED) -> None:
    """One process of a training; the first one writes how far the weights have moved, and the history."""
    group = join_process_group("cpu")
    begun = still if settings.lora is None else adapted
    trained, weights = run(target, settings, data=examples(16, negatives=2), model=begun(), group=group)
    if group.first:
        start = begun().state_dict()
        moved = {key: (value - start[key]).contiguous() for key, value in weights.items()}
        save_file(moved, target.with_suffix(".safetensors"))
        target.with_suffix(".txt").write_text(repr(without_time(trained.history)))
    leave_process_group()


def torchrun(folder: Path) -> None:
    """The training of two processes once more, started as `torchrun --standalone --nproc-per-node 2` starts them.

    By what is behind that command, with forks in place of programs: the same agent, rendezvous and variables.
    """
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=2, run_id="forked", rdzv_backend="c10d", rdzv_endpoint="localhost:0",
        start_method="fork", max_restarts=0,
    )  # fmt: skip
    elastic_launch(config, divided)(folder / "torchrun")


CASES = (kills, terminated, worlds, torchrun)


def told(case: Callable[[Path], None], folder: Path) -> None:
    """Run a case; what it and its forks write goes to CASE.log."""
    with (folder / f"{case.__name__}.log").open("w") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    part = folder / case.__name__
    part.mkdir()
    case(part)


if __name__ == "__main__":
    gc.freeze()  # forks must not copy the imported libraries when they collect garbage
    place = Path(sys.argv[1])
    for each in CASES:
        (status,) = ended([start(lambda case=each: told(case, place))])  # type: ignore[misc]
        (place / f"{each.__name__}.status").write_text(str(status))
