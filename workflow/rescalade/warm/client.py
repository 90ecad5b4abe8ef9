"""The command's side: hands a job to the server of its Snakemake call, and is the job to whoever waits for it."""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import stat
import sys
from contextlib import suppress

from rescalade.warm import protocol

TYPE_CHECKING = False  # a name that type checkers know: `typing` takes time, as much as the rest of a small job
if TYPE_CHECKING:
    from typing import Any

INTERRUPTED = 130
PATIENCE = 120.0
"""Seconds that the server may take before it is ready; it loads libraries meanwhile."""
LAST_WORD = 1.0
"""Seconds that the server has for its next word, once a signal has come."""
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
LIMITS = ("AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK", "NOFILE", "NPROC", "RSS", "STACK")
LOST = "rescalade: error: the process that runs the jobs of this call has ended, and the job with it; call again\n"


def run(arguments: list[str]) -> int | None:
    """The job's exit status, or None where it must start the plain way: nothing of it has been started then."""
    path = os.environ.get(protocol.SOCKET, "")
    if path in ("", protocol.OFF):
        return None
    if "--devices" in arguments:
        _debug("it starts processes of its own")
        return None
    alive, held = os.pipe()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as server:
            server.settimeout(PATIENCE)
            try:
                refused = _offer(server, path, arguments, held)
            except KeyboardInterrupt:
                return INTERRUPTED
            except (OSError, ValueError) as error:  # no server, one that hangs, a message or path too long
                refused = str(error) or type(error).__name__
            if refused:
                _debug(refused)
                return None
            os.close(held)
            held = -1
            return _follow(server, alive)
    finally:
        os.close(alive)
        if held >= 0:
            os.close(held)


def _offer(server: socket.socket, path: str, arguments: list[str], held: int) -> str:
    """Send the job and wait until the server can start it; says why not."""
    server.connect(path)
    if not protocol.same_user(server):
        return f"{path} is of another user"
    umask = os.umask(0)
    os.umask(umask)
    folder = os.getcwd()  # noqa: PTH109  pathlib takes time
    limits = {str(which): resource.getrlimit(which) for which in _resources()}
    job = {
        "arguments": arguments,
        "folder": folder,
        "environment": dict(os.environ),
        "umask": umask,
        "limits": limits,
        "interpreter": protocol.here(),
    }
    server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, protocol.LONGEST)
    socket.send_fds(server, [json.dumps(job).encode()], [0, 1, 2, held, *_passed_on()])
    answer = server.recv(protocol.LONGEST)
    return "" if answer == protocol.READY else answer[1:].decode() or "the server has ended"


def _follow(server: socket.socket, alive: int) -> int | None:
    """Start the job, pass signals on to it and wait for its end."""
    job, process, passed = 0, -1, list[int]()

    def forward(which: int, _: Any) -> None:
        passed.append(which)
        with suppress(OSError):  # it has ended, or the server has: what is read next says so
            if process >= 0:  # the server may be loading, for seconds, what another job needs
                signal.pidfd_send_signal(process, which)
            else:
                server.send(protocol.SIGNAL + str(which).encode())

    for which in FORWARDED:
        signal.signal(which, forward)
    server.settimeout(None)
    try:
        server.send(protocol.GO)
        if _unheard(server, passed):  # what the server starts then it ends at once, since this process is gone
            return _end_alone(job, passed[-1])
        answer = server.recv(protocol.LONGEST)
        if answer[:1] == protocol.STARTED:
            job = protocol.number(answer)
            with suppress(OSError):  # it has ended already
                process = os.pidfd_open(job)
            if process >= 0:
                select.select([server.fileno(), process], [], [])
                if _unheard(server, passed):
                    return _end_alone(job, passed[-1])
            answer = server.recv(protocol.LONGEST)
    except OSError:
        answer = b""
    finally:
        if process >= 0:
            os.close(process)
            process = -1
    if answer[:1] == protocol.ENDED:
        return _end_like(protocol.number(answer))
    if answer:
        _restore()
        _debug(answer[1:].decode())
        return None
    # whoever runs the job holds the other end of the pipe, so that none is left running when this process ends
    os.read(alive, 1)
    if job:
        with suppress(ProcessLookupError):  # what the job had started
            os.killpg(job, signal.SIGKILL)
    sys.stderr.write(LOST)
    return 1


def _unheard(server: socket.socket, passed: list[int]) -> bool:
    """Wait for the server's next word; whether a signal has come and the server is too busy for one."""
    while not select.select([server], [], [], LAST_WORD)[0]:
        if passed:
            return True
    return False


def _end_alone(job: int, which: int) -> int:
    """End as a job that a signal has ended, and end what it had started, which the server would do."""
    if job:
        with suppress(ProcessLookupError):
            os.killpg(job, signal.SIGKILL)
    return INTERRUPTED if which == signal.SIGINT else _end_like(-which)


def _end_like(status: int) -> int:
    """A signal that ended the job ends this process, too."""
    if status < 0:
        with suppress(OSError):  # one that cannot be handled
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


def _restore() -> None:
    for which in FORWARDED:
        signal.signal(which, signal.default_int_handler if which == signal.SIGINT else signal.SIG_DFL)


def _resources() -> list[int]:
    return [getattr(resource, f"RLIMIT_{name}") for name in LIMITS if hasattr(resource, f"RLIMIT_{name}")]


def _passed_on() -> list[int]:
    """Open files that a command started from here would have, locks of GPUs among them."""
    found = []
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  pathlib takes time
        descriptor = int(name)
        try:
            if descriptor > 2 and os.get_inheritable(descriptor) and not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                found.append(descriptor)
        except OSError:
            continue  # the listing itself
    return found[: protocol.FILES - 4]


def _debug(reason: str) -> None:
    if os.environ.get("RESCALADE_DEBUG"):
        sys.stderr.write(f"DEBUG plain start: {' '.join(reason.split())}\n")
