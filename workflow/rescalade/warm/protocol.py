"""What client and server say to each other: one datagram a message, over a socket that keeps their order.

The client sends a `Job` with its open files; the server answers READY or REFUSED; the client sends GO, before which
nothing is started; the server answers STARTED, with the number of the process, or REFUSED and, in the end, ENDED with a
status. Meanwhile the client may send SIGNAL.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

SOCKET = "RESCALADE_WARM"
"""Environment variable with the path of the server's socket; `off` in it keeps a call from starting one."""
OFF = "off"
READY, REFUSED, GO, STARTED, ENDED, SIGNAL = b"R", b"N", b"G", b"S", b"E", b"K"
LONGEST = 1 << 20
"""Bytes of the longest message."""
FILES = 64
"""Most open files that a job can bring along."""


@dataclass(frozen=True)
class Job:
    """What a command was called with.

    arguments: without the program's name. limits: soft and hard by the number of the resource. interpreter: see `here`.
    The open files that come along are its standard streams, the pipe `alive` and whatever else it would have passed on.
    """

    arguments: list[str]
    folder: str
    environment: dict[str, str]
    umask: int
    limits: dict[str, tuple[int, int]]
    interpreter: list[str]


def here() -> list[str]:
    """What two processes must share for one to be a fork of the other: Python's installation, and this package."""
    return [sys.prefix, sys.version, str(Path(__file__).resolve().parent)]


def peer(connection: socket.socket) -> int:
    """User of the process at the other end."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    user: int = struct.unpack("3i", found)[1]
    return user


def same_user(connection: socket.socket) -> bool:
    """Whether the process at the other end is of this user."""
    return peer(connection) == os.getuid()


def number(message: bytes) -> int:
    """What follows the first byte of a message."""
    return int(message[1:])
