"""The server: loads libraries, forks jobs, reports their ends. `python -m rescalade.warm.server LISTENING FOLDER`.

A fork copies one thread alone, so this process never has a second one, never opens a GPU and holds no open file but
sockets; where a library breaks that, every later job is refused and starts the plain way. It reads a pipe of the
Snakemake call on its standard input and ends, with all jobs, when the call does.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import resource
import selectors
import shutil
import signal
import socket
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NoReturn

from rescalade.quiet import quieten
from rescalade.warm import protocol
from rescalade.warm.loading import load

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15


@dataclass(frozen=True)
class Job:
    """What a command was called with, by the names of its message.

    arguments: without the program's name. limits: soft and hard by the number of the resource. interpreter: see `here`.
    The open files that come along are its standard streams, the pipe `alive` and whatever else it would have passed on.
    """

    arguments: list[str]
    folder: str
    environment: dict[str, str]
    umask: int
    limits: dict[str, tuple[int, int]]
    interpreter: list[str]


@dataclass
class Client:
    """One connection. files: what it has brought and the job has not got yet. process: of the job, once it runs."""

    connection: socket.socket
    job: Job | None = None
    files: list[int] = field(default_factory=list)
    process: int = 0
    pidfd: int = -1

    def close(self) -> None:
        """Let go of everything."""
        for descriptor in [*self.files, *([self.pidfd] if self.pidfd >= 0 else [])]:
            os.close(descriptor)
        self.connection.close()


class Server:
    """Serves until the pipe on standard input closes."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._selector = selectors.DefaultSelector()
        self._clients: list[Client] = []
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._selector.register(listening, selectors.EVENT_READ, self._accept)
        self._selector.register(0, selectors.EVENT_READ, self._call_ended)

    def serve(self) -> Job:
        """Work until a fork has become a job; only that fork returns."""
        while True:
            key, _ = self._selector.select()[0]  # one at a time: numbers of files are used again
            client = next((c for c in self._clients if key.fileobj in (c.connection, c.pidfd)), None)
            if client is None:
                key.data()
            elif key.fileobj == client.pidfd:
                self._ended(client)
            elif (job := self._read(client)) is not None:
                return job

    def _accept(self) -> None:
        connection, _ = self._listening.accept()
        if not protocol.same_user(connection):
            connection.close()
            return
        client = Client(connection)
        self._clients.append(client)
        self._selector.register(connection, selectors.EVENT_READ)

    def _call_ended(self) -> NoReturn:
        for client in self._clients:
            _kill(client)
        sys.exit(0)

    def _read(self, client: Client) -> Job | None:
        """Answer one message."""
        try:
            message, files, _, _ = socket.recv_fds(client.connection, protocol.LONGEST, protocol.FILES)
        except OSError:
            message, files = b"", []
        client.files += files
        if not message:
            _kill(client)
            self._drop(client)
        elif message[:1] == protocol.SIGNAL:
            if client.process:
                signal.pidfd_send_signal(client.pidfd, protocol.number(message))
        elif message == protocol.GO and client.job is not None:
            return self._start(client, client.job)
        else:
            refused = self._prepare(client, message)
            _say(client, protocol.REFUSED + refused.encode() if refused else protocol.READY)
        return None

    def _prepare(self, client: Client, message: bytes) -> str:
        """Load what a job needs; says why it cannot be started here."""
        client.job = job = Job(**json.loads(message))
        if job.interpreter != protocol.here():
            return f"it runs by {job.interpreter[0]}, and this call by {sys.prefix}"
        try:
            load(job.arguments, job.folder)
        except Exception as error:  # noqa: BLE001  the plain start says it better
            return f"{type(error).__name__}: {error}"
        return unfit(gpu=bool(job.environment.get("CUDA_VISIBLE_DEVICES")))

    def _start(self, client: Client, job: Job) -> Job | None:
        """Fork; only the fork returns the job."""
        gc.freeze()  # the collector of a fork would otherwise copy every page that it walks over
        parent = os.getpid()
        try:
            child = os.fork()
        except OSError as error:
            _say(client, protocol.REFUSED + f"fork: {error.strerror}".encode())
            return None
        if child == 0:
            self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            self._leave()
            self._libc.prctl(PR_SET_NAME, f"rescalade {job.arguments[0]}".encode()[:15])
            _become(job, client.files)
            return job
        client.process, client.pidfd = child, os.pidfd_open(child)
        with suppress(OSError):
            os.setpgid(child, child)  # the fork does it, too: whoever is first
        for descriptor in client.files:
            os.close(descriptor)
        client.files = []
        self._selector.register(client.pidfd, selectors.EVENT_READ)
        _say(client, protocol.STARTED + str(child).encode())
        return None

    def _leave(self) -> None:
        """Of a fork: hold nothing of the server's, not in objects either that would close others' files later."""
        self._selector.close()
        self._listening.detach()
        for client in self._clients:
            client.connection.detach()

    def _ended(self, client: Client) -> None:
        status = os.waitstatus_to_exitcode(os.waitpid(client.process, 0)[1])
        if status < 0:
            _kill_group(client.process)  # its children have nobody to end them
        client.process = 0
        _say(client, protocol.ENDED + str(status).encode())
        self._drop(client)

    def _drop(self, client: Client) -> None:
        self._selector.unregister(client.connection)
        if client.pidfd >= 0:
            self._selector.unregister(client.pidfd)
        self._clients.remove(client)
        client.close()


def unfit(*, gpu: bool) -> str:
    """Why this process cannot be forked for a job; empty where it can.

    Args:
        gpu: whether the job is to use one.
    """
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208
    if threads > 1:
        return f"{threads} threads after loading"
    torch = sys.modules.get("torch")
    if gpu and torch is not None:
        child = os.fork()
        if child == 0:
            os._exit(bool(torch.cuda._is_in_bad_fork()))
        if os.waitpid(child, 0)[1]:
            return "a library has looked for GPUs while it was loaded"
    return ""


def _become(job: Job, files: list[int]) -> None:
    """Be the process that the command would have been."""
    os.setpgid(0, 0)
    for stream, descriptor in enumerate(files[:3]):
        os.dup2(descriptor, stream)
    # `alive` ends with this process, not with what it starts; locks of GPUs pass on as they would have
    os.set_inheritable(files[3], False)
    for descriptor in files[4:]:
        os.set_inheritable(descriptor, True)
    kept = {0, 1, 2, *files[3:]}
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        if int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:
                continue  # the listing itself
    os.chdir(job.folder)
    os.umask(job.umask)
    for which, limit in job.limits.items():
        resource.setrlimit(int(which), limit)
    os.environ.clear()
    os.environ.update(job.environment)
    sys.argv[1:] = job.arguments
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  as at the start of any Python
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]
    gc.enable()


def _say(client: Client, message: bytes) -> None:
    with suppress(OSError):  # it has gone, which is read next
        client.connection.send(message)


def _kill(client: Client) -> None:
    """End a job whose command was killed, with all that it has started."""
    if client.process:
        _kill_group(client.process)
        os.waitpid(client.process, 0)
        client.process = 0


def _kill_group(process: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


def main() -> Any:
    """Serve; a fork goes on as the command."""
    quieten()
    folder = sys.argv[2]
    server = Server(socket.socket(fileno=int(sys.argv[1])))
    try:
        server.serve()
    except SystemExit:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _run()


def command() -> None:
    """What a fork does: the command line."""
    from rescalade.cli import main

    main()


def _run() -> NoReturn:
    """Be the command, and end without taking the interpreter apart: that takes longer than a small job."""
    status: Any = 0
    try:
        command()
    except SystemExit as ended:
        status = ended.code
    except BaseException:  # noqa: BLE001  as the interpreter does
        status = 1
        sys.excepthook(*sys.exc_info())
    if isinstance(status, str):
        sys.stderr.write(f"{status}\n")
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(status if isinstance(status, int) else bool(status))


if __name__ == "__main__":
    main()
