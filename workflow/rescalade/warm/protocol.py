"""What client and server say to each other: one datagram a message, over a socket that keeps their order.

The client sends a job, by the names of `server.Job` in JSON, with its open files; the server answers READY or REFUSED;
the client sends GO, before which nothing is started; the server answers STARTED, with the number of the process, or
REFUSED and, in the end, ENDED with a status. Meanwhile the client may send SIGNAL.

The modules that every command loads before anything else, this one and `client`, spare imports: pathlib, typing and
dataclasses would take as long as the rest of the client.
"""

from __future__ import annotations

import os
import socket
import struct
import sys

SOCKET = "RESCALADE_WARM"
"""Environment variable with the path of the server's socket; `off` in it keeps a call from starting one."""
OFF = "off"
READY, REFUSED, GO, STARTED, ENDED, SIGNAL = b"R", b"N", b"G", b"S", b"E", b"K"
LONGEST = 1 << 20
"""Bytes of the longest message."""
FILES = 64
"""Most open files that a job can bring along."""


def here() -> list[str]:
    """What two processes must share for one to be a fork of the other: Python's installation, and this package."""
    return [sys.prefix, sys.version, os.path.dirname(os.path.realpath(__file__))]  # noqa: PTH120  pathlib takes time


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
