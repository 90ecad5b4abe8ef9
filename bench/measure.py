"""CPU time and peak memory of a call."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

STATUS = Path("/proc/self/status")


def cpu_seconds(call: Callable[[], object], rounds: int) -> float:
    """Least CPU time of this process over some rounds: other jobs of the machine do not count."""
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        seconds.append(time.process_time() - start)
    return min(seconds)


def added_peak_mb(call: Callable[[], object]) -> float:
    """By how much a call raises the resident memory of this process at most, in MB of 2^20 bytes (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark to what is resident now
    before = _status("VmRSS")
    call()
    return (_status("VmHWM") - before) / 1024


def _status(key: str) -> int:
    """Kilobytes."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(key + ":"))
    return int(line.split()[1])


def staged(file: str, stage: str, *words: object) -> dict[str, Any]:
    """Run `python FILE --stage STAGE WORDS`: a process of its own, so that its peak memory is its own.

    Returns:
        The JSON object on its last line, with peak_mb and cpu_s; also printed.
    """
    command = [sys.executable, file, "--stage", stage, *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{stage} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    private = f" ({found['peak_private_mb']:,.0f} private)" if "peak_private_mb" in found else ""
    print(f"{stage:8s} peak {found['peak_mb']:,.0f} MB{private}, CPU {found['cpu_s']:.1f} s", flush=True)
    return found
