"""The first look: `make report` from nothing, the whole tree of processes.

    python bench/bench_first_look.py [OLD]

Clones this repository, and OLD (another checkout or a folder with one), into empty folders and runs the shipped
experiment in each with this interpreter, one after the other on an otherwise quiet machine; nothing compiled before is
found. Prints wall and CPU seconds of Snakemake and all its descendants, the most memory that they hold together
(proportional set size, sampled every second), the share of CPU seconds that is not work of a stage, and how many lines
are printed; compares the models that both versions make byte by byte; writes bench/results/first_look.json.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).resolve().parents[1]
GOALS = {"wall_s": 300, "cpu_s": 520, "memory_gb": 6, "start_share": 0.15}


def memory(root: psutil.Process) -> int:
    """Bytes that a process and its descendants hold; what they share counts once."""
    total = 0
    for process in [root, *root.children(recursive=True)]:
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue  # it has ended
    return total


def look(repository: Path, folder: Path) -> dict[str, Any]:
    """Clone a repository into an empty folder and make the report of its experiment there."""
    subprocess.run(["git", "clone", "--quiet", repository, folder], check=True)
    # as in a shell of one who does not develop: compiled modules are kept
    left_out = ("RESCALADE_", "PYTHONDONTWRITEBYTECODE")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(left_out)}
    environment["PYTHONPATH"] = str(folder / "workflow")
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    before, begun, most = os.times(), time.perf_counter(), 0
    with (folder / "printed.txt").open("w") as printed:
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "report"]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=printed, stderr=subprocess.STDOUT)
        while process.poll() is None:
            most = max(most, memory(psutil.Process(process.pid)))
            time.sleep(1)
    wall, after = time.perf_counter() - begun, os.times()
    if process.returncode:
        raise SystemExit(f"the report of {repository} failed:\n{(folder / 'printed.txt').read_text()[-3000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    found = {
        "commit": subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True
        ).stdout.strip(),
        "wall_s": round(wall, 1),
        "cpu_s": round(cpu, 1),
        "memory_gb": round(most / 1e9, 2),
        "lines": len((folder / "printed.txt").read_text().splitlines()),
        "models": {
            str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.glob("results/runs/*/*/*/*/model/*.safetensors"))
        },
    }
    costs = [json.loads(path.read_text()) for path in folder.glob("results/.costs/**/*.json")]
    if costs:
        found["work_cpu_s"] = round(sum(cost["work"] for cost in costs), 1)
        found["start_share"] = round(1 - found["work_cpu_s"] / cpu, 3)
    return found


def main() -> None:
    """Measure, print and write."""
    from rescalade.pipeline.records import environment

    versions = {"before": Path(sys.argv[1]).resolve()} if len(sys.argv) > 1 else {}
    versions["now"] = REPOSITORY
    found: dict[str, dict[str, Any]] = {}
    for name, repository in versions.items():
        with tempfile.TemporaryDirectory(prefix="first-look-") as folder:
            found[name] = look(repository, Path(folder) / "clone")
    print(f"| | {' | '.join(found)} | goal |\n|---|{'--:|' * (len(found) + 1)}")
    for key in ("wall_s", "cpu_s", "memory_gb", "work_cpu_s", "start_share", "lines"):
        values = " | ".join(str(one.get(key, "not known")) for one in found.values())
        print(f"| {key} | {values} | {f'≤ {GOALS[key]}' if key in GOALS else ''} |")
    models = [one.pop("models") for one in found.values()]
    if len(models) == 2:
        both = models[0].keys() & models[1].keys()
        same = sum(models[0][path] == models[1][path] for path in both)
        found["now"]["models_of_both"], found["now"]["models_of_the_same_bytes"] = len(both), same
        print(f"Models that both make: {len(both)}, of the same bytes: {same}.")
    made = {"made": environment(), "command": "python bench/bench_first_look.py" + " OLD" * (len(found) - 1)}
    path = Path(__file__).parent / "results" / "first_look.json"
    path.write_text(json.dumps({"looks": found, **made}, indent=1) + "\n")


if __name__ == "__main__":
    main()
