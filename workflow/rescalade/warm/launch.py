"""Starts the server of a Snakemake call."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rescalade.threads import VARIABLES
from rescalade.warm.protocol import OFF, SOCKET

log = logging.getLogger(__name__)

LOADED_WITH = {
    **dict.fromkeys(VARIABLES, "1"),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "CUDA_VISIBLE_DEVICES": "",
}
"""Environment in which no library starts a thread, or touches a GPU, when it is loaded; a job has its own."""


GRACE = 2.0
"""Seconds that the server has to end by itself. It may be compiling kernels, which takes no notice of anything for some
seconds; its forks die with it."""
PROGRAM = (sys.executable, "-m", "rescalade.warm.server")


def launch(program: Sequence[str] = PROGRAM) -> subprocess.Popen[bytes] | None:
    """Start a server that ends with this process, and name its socket in the environment for the jobs.

    Returns:
        It; None where the environment says RESCALADE_WARM=off, on other systems than Linux, and where no folder can be
        made for the socket. Jobs start the plain way then.
    """
    if os.environ.get(SOCKET) == OFF or sys.platform != "linux":
        return None
    os.environ.pop(SOCKET, None)  # of a call that this one was started by
    for place in dict.fromkeys((tempfile.gettempdir(), "/tmp")):  # noqa: S108  where the first makes too long a path
        try:
            folder = Path(tempfile.mkdtemp(prefix="rescalade-warm-", dir=place))
        except OSError as error:
            log.debug("no warm starts in %s: %s", place, error)
            continue
        try:
            return _start(folder, program)
        except OSError as error:
            log.debug("no warm starts by %s: %s", folder, error)
            shutil.rmtree(folder, ignore_errors=True)
    return None


def _start(folder: Path, program: Sequence[str]) -> subprocess.Popen[bytes]:
    path = str(folder / "socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(path)
        listening.listen(128)
        server = subprocess.Popen(
            [*program, str(listening.fileno()), str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[listening.fileno()],
            env={**os.environ, **LOADED_WITH},
            start_new_session=True,
        )
    os.environ[SOCKET] = path
    atexit.register(_end, server, folder, os.getpid())
    return server


def _end(server: subprocess.Popen[bytes], folder: Path, starter: int) -> None:
    """Not needed, since the pipe closes with this process however it ends: it makes the end wait for the server's."""
    if os.getpid() != starter:
        return
    if server.stdin is not None:
        server.stdin.close()
    try:
        server.wait(GRACE)
    except subprocess.TimeoutExpired:
        server.kill()
    shutil.rmtree(folder, ignore_errors=True)
