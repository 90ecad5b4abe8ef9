"""Room for a model's weights, asked for before anything is loaded: what they take, and what the machine has."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.errors import UserError
from rescalade.models.model_files import weight_files

if TYPE_CHECKING:
    import torch

GB = 1e9
GROUPS = (
    ("", "", "memory.max", "memory.current", ""),
    ("memory", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
)
"""Control groups of Linux, the second version and the first: controller in /proc/self/cgroup, folder, files of limit
and use, and how the names in memory.stat begin that count those below too."""
CACHE = ("inactive_file", "active_file")
"""In memory.stat, what of the use is files that were read: the kernel gives it back when memory is asked for."""


@dataclass(frozen=True)
class StoredWeight:
    """A tensor of a checkpoint as its header describes it."""

    shape: tuple[int, ...]

    @property
    def numel(self) -> int:
        """Number of its elements."""
        return math.prod(self.shape)


def stored_weights(folder: str | Path) -> list[StoredWeight]:
    """Shapes of the weights of a model's folder, out of the headers of its safetensors files.

    Empty where the folder holds none that can be read: loading says why.
    """
    from safetensors import SafetensorError, safe_open

    found: list[StoredWeight] = []
    try:
        for path in weight_files(Path(folder)):
            with safe_open(path, "pt") as file:
                found += [StoredWeight(tuple(file.get_slice(name).get_shape())) for name in file.keys()]  # noqa: SIM118
    except (OSError, SafetensorError):
        return []
    return found


def check_model_room(
    name: str | Path, revision: str | None = None, *, matrix: int = 4, device: str = "cpu", copies: int = 1
) -> None:
    """Refuse to load a model where its weights do not fit the device that they go to, or the machine on their way.

    Args:
        name: a folder, or an id on the hub, whose weights are downloaded for that.
        matrix, copies: as of `bytes_of` and `check_room`.

    Raises:
        UserError: one of the two has less than that free.
    """
    import torch

    folder, to = Path(name), torch.device(device)
    found: Path | None = folder if folder.is_dir() else _downloaded(str(name), revision)
    needed = 0 if found is None else bytes_of(stored_weights(found), matrix)
    if to.type != "cpu":
        check_room(name, needed, to, copies)
    check_room(name, needed, torch.device("cpu"), copies if to.type == "cpu" else 1)


def _downloaded(name: str, revision: str | None) -> Path | None:
    """Folder of the weights of a model of the hub, in its cache; None where there are none: loading says why."""
    from transformers.utils.hub import cached_file, get_checkpoint_shard_files

    asked = {"revision": revision, "_raise_exceptions_for_missing_entries": False}
    try:
        found = cached_file(name, "model.safetensors", **asked)
        if found is None:
            found = cached_file(name, "model.safetensors.index.json", **asked)
            if found is not None:
                get_checkpoint_shard_files(name, found, revision=revision)
    except Exception:  # noqa: BLE001  # errors of the hub, of the network and of the disk
        return None
    return None if found is None else Path(found).parent


def bytes_of(weights: Sequence[StoredWeight], matrix: int = 4) -> int:
    """Bytes of weights in memory: `matrix` for each element of a matrix, 4 for each of a vector."""
    return sum(weight.numel * (matrix if len(weight.shape) > 1 else 4) for weight in weights)


def check_room(name: str | Path, needed: int, device: torch.device, copies: int = 1) -> None:
    """Refuse to load a model where it does not fit.

    Args:
        needed: bytes of its weights.
        copies: of them that are held at once.

    Raises:
        UserError: the device has less than that free.
    """
    room = free(device)
    if copies * needed <= room:
        return
    where = "this machine" if device.type == "cpu" else f"the device {device}"
    several = "" if copies == 1 else f", {copies} times as much at once are {copies * needed / GB:.3g}"
    raise UserError(
        f"model {name}: not enough memory: its weights take {needed / GB:.3g} GB{several}; {where} has "
        f"{room / GB:.3g} GB free. Use one with more, or end what else is running there"
    )


def capacity(device: torch.device) -> int:
    """Memory of a device in bytes; of the machine no more than the control group of this process may take."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    return min([_pages("SC_PHYS_PAGES"), *(limit for limit, _ in limits())])


def free(device: torch.device) -> int:
    """What of the `capacity` nobody has taken yet."""
    import torch

    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return min([_unused(), *(limit - used for limit, used in limits())])


def limits(
    named: Path = Path("/proc/self/cgroup"), mounted: Path = Path("/sys/fs/cgroup")
) -> Iterator[tuple[int, int]]:
    """(limit, used) in bytes of the control groups that this process is in, as far as they set a limit.

    Schedulers and containers bound a job so; what goes beyond is killed without a word.
    """
    lines = named.read_text().splitlines() if named.is_file() else []
    for controller, folder, limit_file, used_file, prefix in GROUPS:
        of_this = [line.split(":", 2)[2] for line in lines if controller in line.split(":", 2)[1].split(",")]
        for place in of_this:
            lowest = mounted / folder / place.strip("/")
            for group in (lowest, *lowest.parents):
                limit, used = _number(group / limit_file), _number(group / used_file)
                if limit is not None and used is not None and limit < _pages("SC_PHYS_PAGES"):
                    cached = sum(_listed(group / "memory.stat", f"{prefix}{name}") for name in CACHE)
                    yield limit, max(0, used - cached)
                if group == mounted / folder:
                    break


def _unused() -> int:
    """Memory of the machine that programs can have without swapping; all of it where the system does not say."""
    kilobytes = _listed(Path("/proc/meminfo"), "MemAvailable:")
    return 1024 * kilobytes if kilobytes else _pages("SC_PHYS_PAGES")


def _pages(name: str) -> int:
    return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")


def _number(path: Path) -> int | None:
    """What a file of one number holds; None where it is not there or says `max`."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _listed(path: Path, name: str) -> int:
    """A number of a file with lines NAME NUMBER; 0 where there is none."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.split()[:1] == [name]), 0)
