"""Room on disk for what is needed only while an output is made."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_folder(output: Path) -> Iterator[Path]:
    """A hidden folder beside an output, removed when the block ends.

    Its name is the output's, which one job makes at a time: what a killed job has left there is removed first. It lies
    beside the output because it may take gigabytes, for which a system's folder of temporary files has no room.
    """
    folder = output.with_name(f".{output.name}.scratch")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
