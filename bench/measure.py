"""CPU time and peak memory of a call."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

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
