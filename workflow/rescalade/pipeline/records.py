"""What made an output: settings, code, versions, machine, inputs, time and memory."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from rescalade.atomic import sha256
from rescalade.record import Environment, Record

PACKAGES = (
    "torch", "transformers", "tokenizers", "numpy", "scipy", "numba", "pyarrow", "bm25s", "snowballstemmer",
    "pytrec-eval-terrier", "ir-measures", "torchao", "bitsandbytes",
)  # fmt: skip
"""Packages whose version can change a result."""


class Recorder:
    """Started with a stage, writes its record when it is called."""

    def __init__(self, stage: str, settings: str, code: str, inputs: Mapping[str, Path]) -> None:
        """stage: as records call it. settings: JSON. code: digest. inputs: files, or folders by what marks them."""
        self._stage, self._settings, self._code, self._inputs = stage, settings, code, inputs
        self._start = time.perf_counter()

    def write(self, path: Path, read: Sequence[Path] = ()) -> None:
        """Write the record; seconds are wall time, memory the peak resident size of this process in bytes."""
        items = [file for item in [*self._inputs.values(), *read] for file in _marks(item)]
        Record(
            stage=self._stage,
            settings=json.loads(self._settings),
            code=self._code,
            made=Environment(**environment()),
            inputs={str(item): sha256(item) for item in items},
            seconds=round(time.perf_counter() - self._start, 3),
            peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        ).write(path)


def _marks(item: Path) -> list[Path]:
    """Files whose digests stand for an input: itself; of a folder its manifest, which lists the rest, or its weights.

    Files that a stage may do without are not there.
    """
    if item.is_file():
        return [item]
    manifest = item / "manifest.json"
    return [manifest] if manifest.is_file() else sorted(item.glob("*.safetensors"))


def environment() -> dict[str, Any]:
    """Versions, hardware and source revision."""
    return {
        **software(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "gpu": _gpu(),
    }


def software() -> dict[str, Any]:
    """Versions of what is installed, and the source revision; both as they are when they are first asked for."""
    packages = {name: _version(name) for name in PACKAGES}
    return {"rescalade": _version("rescalade"), "git": git_revision(), "packages": packages}


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


@cache
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
