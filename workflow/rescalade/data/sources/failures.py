"""Failures of libraries that fetch and unpack data, told in one line."""

from __future__ import annotations

import json
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import TypeVar

from rescalade.errors import UserError

Item = TypeVar("Item")

BROKEN = (
    EOFError,
    UnicodeDecodeError,
    json.JSONDecodeError,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What a truncated or damaged archive ends in."""

OFFLINE = (
    "ConnectionError",
    "ConnectTimeout",
    "ReadTimeout",
    "ConnectError",
    "OfflineModeIsEnabled",
    "LocalEntryNotFoundError",
)
"""Names of exceptions, of libraries that need not be loaded, that mean: no network, or not this host."""


def with_user_errors(stream: Callable[[], Iterator[Item]], what: str, remedy: str) -> Callable[[], Iterator[Item]]:
    """A stream whose failures are turned into UserErrors.

    Args:
        what: what is being read, first in the message.
        remedy: what to do when a file is damaged.
    """

    def safe() -> Iterator[Item]:
        try:
            yield from stream()
        except UserError:
            raise
        except Exception as error:
            raise in_one_line(error, what, remedy) from error

    return safe


def in_one_line(error: Exception, what: str, remedy: str) -> Exception:
    """A UserError for what the user or the machine can mend; the exception itself otherwise."""
    names = {kind.__name__ for kind in type(error).__mro__}
    text = " ".join(str(error).split())[:300]
    if isinstance(error, BROKEN):
        return UserError(f"{what}: truncated or damaged ({type(error).__name__}: {text}); {remedy}")
    if names & set(OFFLINE):
        return UserError(
            f"{what}: no network, or the host does not answer ({type(error).__name__}); run the same command again "
            "where there is one: what has arrived is kept; `snakemake --cores 1 prefetch` fetches everything beforehand"
        )
    if "HashVerificationError" in names:
        return UserError(f"{what}: the checksum is wrong ({text}); {remedy}")
    if isinstance(error, OSError) and error.errno is None:  # requests' and the hub's errors; others are the disk's
        return UserError(f"{what}: cannot be fetched ({type(error).__name__}: {text})")
    if isinstance(error, FileNotFoundError):
        return UserError(f"{what}: {error.filename} is missing; {remedy}")
    return error
