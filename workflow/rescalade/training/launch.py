"""Starts the processes of a run on several devices, as torchrun and accelerate do, by the same variables."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any, NoReturn

from rescalade.errors import UserError

GRACE = 20.0
"""Seconds that the others get to end once a process has failed."""


def launched() -> bool:
    """Whether something has started this process as one of several."""
    return "WORLD_SIZE" in os.environ


def launch(devices: int, device: str) -> NoReturn:
    """Run this very command in `devices` processes and end with their status.

    The first process shows its output; that of another is shown only if it failed alone. A SIGTERM goes to all. When
    one fails, the others, which would wait for it for ever, are ended.

    Raises:
        UserError: there are fewer GPUs.
    """
    _check(devices, device)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {**os.environ, "WORLD_SIZE": str(devices), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    command = [sys.executable, "-m", "rescalade", *sys.argv[1:]]
    with tempfile.TemporaryFile("w+") as others:
        processes = [
            subprocess.Popen(
                command,
                env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdout=others if rank else None,
                stderr=others if rank else None,
                preexec_fn=_end_with_parent,
            )
            for rank in range(devices)
        ]

        def forward(number: int, frame: Any) -> None:
            for process in processes:
                process.send_signal(number)

        signal.signal(signal.SIGTERM, forward)
        status = _wait(processes)
        if status and processes[0].returncode in (0, -signal.SIGKILL):
            others.seek(0)
            sys.stderr.write("".join(others.readlines()[-20:]))
    raise SystemExit(status if status >= 0 else 128 - status)


def _check(devices: int, device: str) -> None:
    if device == "cuda":
        import torch

        found = torch.cuda.device_count()
        if found < devices:
            raise UserError(f"--devices {devices}: this process sees {found} GPUs; ask for fewer, or use --device cpu")


def _wait(processes: list[subprocess.Popen[bytes]]) -> int:
    """0, or the status of the first process that failed."""
    while all(process.poll() is None or process.returncode == 0 for process in processes):
        if all(process.returncode == 0 for process in processes):
            return 0
        time.sleep(0.1)
    status = next(process.returncode for process in processes if process.returncode)
    deadline = time.monotonic() + GRACE
    while any(process.poll() is None for process in processes) and time.monotonic() < deadline:
        time.sleep(0.1)
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()
    return int(processes[0].returncode if processes[0].returncode > 0 else status)


def _end_with_parent() -> None:
    """Let the kernel send SIGTERM when the parent is gone (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)
