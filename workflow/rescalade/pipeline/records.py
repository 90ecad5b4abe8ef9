"""What made an output: settings, code, versions, machine, inputs, time and memory."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from rescalade.atomic import sha256, write_json
from rescalade.pipeline.stages import code_digest

PACKAGES = (
    "torch", "transformers", "tokenizers", "numpy", "scipy", "numba", "pyarrow", "bm25s", "pytrec-eval-terrier",
    "ir-measures",
)  # fmt: skip
"""Packages whose version can change a result."""


class Recorder:
    """Started with a stage, writes its record at the end."""

    def __init__(self, stage: str, settings: str, inputs: list[Path]) -> None:
        self.stage, self._settings, self._inputs = stage, settings, inputs
        self._start = time.perf_counter()

    def write(self, path: Path) -> None:
        """Write the record; seconds are wall time, memory the peak resident size of this process in bytes."""
        write_json(
            path,
            {
                "stage": self.stage,
                "settings": json.loads(self._settings),
                "code": code_digest(self.stage),
                "made": environment(),
                "inputs": {str(item): sha256(item) for item in self._inputs if item.is_file()},
                "seconds": round(time.perf_counter() - self._start, 3),
                "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            },
        )


def environment() -> dict[str, Any]:
    """Versions, hardware and source revision."""
    return {
        "rescalade": _version("rescalade"),
        "git": git_revision(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "gpu": _gpu(),
    }


@cache
def git_revision() -> str | None:
    """Commit of the checkout that this code runs from, with `+` when files differ from it; None outside git."""
    folder = Path(__file__).resolve().parents[3]
    if not (folder / ".git").exists():
        return None
    try:
        revision = _git(folder, "rev-parse", "--short=12", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None
    return revision + ("+" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True, timeout=10
    ).stdout.strip()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _gpu() -> str | None:
    """Name of the CUDA device in use; torch is asked only where a stage has loaded it already."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return str(torch.cuda.get_device_name())
