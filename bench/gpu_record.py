"""Figures measured on a GPU, kept with what they were measured on."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any


def keep(name: str, words: Sequence[str], figures: Mapping[str, Any]) -> None:
    """Write bench/results/NAME_gpu.json: the figures, machine and versions, and the command bench_NAME_gpu.py WORDS."""
    from rescalade.pipeline.records import environment

    record = {
        **figures,
        "made": environment(),
        "command": shlex.join(["python", f"bench/bench_{name}_gpu.py", *words]),
        "peer": f"sentence-transformers {version('sentence-transformers')}",
    }
    path = Path(__file__).parent / "results" / f"{name}_gpu.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
