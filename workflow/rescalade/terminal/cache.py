"""Snakemake's own cache, without which it does not start."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from snakemake.common import get_appdirs


def check_cache() -> None:
    """End the call in one line where Snakemake cannot write its cache.

    It makes the folder before it reads any Snakefile, and by itself ends in a traceback without a remedy.

    Raises:
        SystemExit: the folder cannot be made or written.
    """
    folder = Path(get_appdirs().user_cache_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        sys.stderr.write(
            f"Snakemake's cache {folder} cannot be written ({error.strerror}); "
            "set XDG_CACHE_HOME to a folder that can be, and HF_HOME where models of the hub are kept elsewhere\n"
        )
        raise SystemExit(2) from None
