"""Hands out GPUs to local jobs: `rescalade-device N -- COMMAND ...` runs a command with N devices of its own.

Snakemake counts GPUs but gives a local job no device number, so two jobs would share device 0. Here each device
has a lock file; a job holds the locks of its devices for as long as it lives, the kernel frees them when it ends,
by SIGKILL too. It works between any processes of one user on one machine, so between two Snakemakes as well.
"""

from __future__ import annotations

import fcntl
import logging
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rescalade.errors import UserError

log = logging.getLogger(__name__)

USAGE = "usage: rescalade-device N -- COMMAND [ARGUMENT ...]   runs COMMAND with N GPUs of its own; 0 means CPU"
POLL_SECONDS = 0.2


def installed(environment: Mapping[str, str]) -> list[str]:
    """Devices that a job may be given, by the names that CUDA_VISIBLE_DEVICES takes.

    RESCALADE_DEVICES (a comma-separated list) stands in for the machine's where it is set. A CUDA_VISIBLE_DEVICES that
    is set already, by the user or by the cluster, is the limit.
    """
    for variable in ("RESCALADE_DEVICES", "CUDA_VISIBLE_DEVICES"):
        if variable in environment:
            return [name.strip() for name in environment[variable].split(",") if name.strip()]
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_listing(listed)


def parse_listing(listed: str) -> list[str]:
    """Devices in the output of `nvidia-smi -L`: numbers, or the ids of a device's parts where it is divided (MIG)."""
    devices: list[str] = []
    for line in listed.splitlines():
        if whole := re.match(r"GPU (\d+):", line):
            devices.append(whole[1])
        elif part := re.match(r"\s+MIG .*\(UUID: (MIG-[^)]+)\)", line):
            if devices and devices[-1].isdigit():
                devices.pop()  # a divided device cannot be used as a whole
            devices.append(part[1])
    return devices


def lock_folder() -> Path:
    """Folder of the lock files, for this user alone and the same in every session.

    Raises:
        UserError: the folder exists and belongs to somebody else.
    """
    runtime = Path(f"/run/user/{os.getuid()}")
    # not TMPDIR: it may differ between two sessions, which then would not see each other's locks
    temporary = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())  # noqa: S108
    usable = runtime.is_dir() and os.access(runtime, os.W_OK)
    folder = runtime / "rescalade" if usable else temporary / f"rescalade-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise UserError(f"folder {folder} for device locks cannot be made: {error.strerror}") from None
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise UserError(f"{folder} belongs to another user; remove it or ask them to")
    return folder


def take(count: int, devices: Sequence[str], folder: Path, prefix: str = "") -> dict[str, int]:
    """Wait until enough devices are free and lock them.

    All or nothing, so that two jobs which each hold a part never wait for one another.

    Args:
        count: number of devices.
        devices: names to choose from.
        folder: of the lock files.
        prefix: sets these devices apart from others of the same name.

    Returns:
        By device, the file descriptor that holds its lock until it is closed.

    Raises:
        UserError: there are not so many devices.
    """
    if count > len(devices):
        found = f"{len(devices)} found ({', '.join(devices)})" if devices else "none found"
        raise UserError(f"{count} GPU(s) asked for, {found}; give Snakemake --resources=gpu={len(devices)}")
    told = False
    while True:
        held: dict[str, int] = {}
        for device in devices:
            if len(held) < count:
                descriptor = _try_lock(folder / f"{prefix}{_file_name(device)}.lock")
                if descriptor is not None:
                    held[device] = descriptor
        if len(held) == count:
            return held
        for descriptor in held.values():
            os.close(descriptor)
        if not told:
            log.info("waiting for %d of the GPUs %s", count, ", ".join(devices))
            told = True
        time.sleep(POLL_SECONDS * (0.5 + random.random()))  # noqa: S311  spread out the attempts


def prepare(count: int, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for a job with its own devices; their locks stay with this process and what it becomes.

    In a Slurm job the devices that the cluster gave the job are the ones to choose from.
    """
    held: dict[str, int] = {}
    if count:
        job = environment.get("SLURM_JOB_ID")
        # a cluster may number each job's devices from 0, so a lock must not reach beyond the job
        prefix = f"slurm-{job}-" if job and "CUDA_VISIBLE_DEVICES" in environment else ""
        held = take(count, installed(environment), lock_folder(), prefix)
        for descriptor in held.values():
            os.set_inheritable(descriptor, True)
    return {**environment, "CUDA_VISIBLE_DEVICES": ",".join(held)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the devices and become the command."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    words = list(sys.argv[1:] if arguments is None else arguments)
    if len(words) < 3 or not words[0].isdigit() or words[1] != "--":
        log.error(USAGE)
        return 2
    try:
        environment = prepare(int(words[0]), os.environ)
        os.execvpe(words[2], words[2:], environment)  # noqa: S606
    except UserError as error:
        log.error("%s", error)
    except OSError as error:
        log.error("%s cannot be run: %s", words[2], error.strerror)
    except KeyboardInterrupt:
        return 130
    return 2


def _file_name(device: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]", "_", device)


def _try_lock(path: Path) -> int | None:
    """Descriptor of the locked file, or None where another process holds it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
