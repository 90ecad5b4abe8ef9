"""A server whose jobs are not the command but what is asked of them here. `python probe_server.py LISTENING FOLDER`."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from rescalade.warm import server


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def listed() -> list[str]:
    """Open files of this process."""
    return [str(path) for path in Path("/proc/self/fd").iterdir()]


def state() -> None:
    """Print what a process can see of itself."""
    umask = os.umask(0)
    os.umask(umask)
    say(
        json.dumps(
            {
                "arguments": sys.argv[1:],
                "folder": str(Path.cwd()),
                "environment": dict(os.environ),
                "umask": umask,
                "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
                "open": [os.path.realpath(name) for name in listed()],
                "terminal": [os.isatty(number) for number in range(3)],
                "read": sys.stdin.read(),
                "pid": os.getpid(),
            }
        )
    )
    sys.stderr.write("on standard error\n")


def wait() -> None:
    """Start a child, say both numbers, and wait for ever."""
    child = subprocess.Popen(["sleep", "600"])
    say(f"{os.getpid()} {child.pid}")
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        child.kill()
        say("interrupted")
        sys.exit(130)


def command() -> None:
    """The job."""
    word = sys.argv[1]
    if word == "state":
        state()
    elif word == "wait":
        wait()
    elif word == "exit":
        sys.exit(int(sys.argv[2]))
    elif word == "say":
        sys.exit("a last word")
    elif word == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif word == "raise":
        raise RuntimeError("a mistake of ours")


def load(arguments: list[str], _: str) -> None:
    """Nothing, or what makes the server unfit."""
    if arguments[0] == "thread":
        import threading

        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    elif arguments[0] == "unloadable":
        raise ImportError("no such library")
    elif arguments[0] == "unforkable":

        def refuse() -> int:
            raise BlockingIOError(11, "Resource temporarily unavailable")

        os.fork = refuse


if __name__ == "__main__":
    server.load, server.command = load, command  # type: ignore[assignment]
    server.main()
