"""Snakemake calls as forks of one process that has imported Snakemake already, which takes as long as a dry run.

Each call is a process of its own with its own working directory, environment, arguments and standard streams, and
imports the pipeline's library afresh. What other libraries that loads is loaded already, and of modules that are byte
for byte those of this repository the digests are known, which are half of what a dry run computes. Run as a program
this file is that process: it reads one call as a line of JSON and answers with its exit status.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

LONGEST = 300
"""Seconds after which a call is ended."""
WORKFLOW = Path(__file__).resolve().parents[2] / "workflow"
Known = dict[str, tuple[bytes, str, tuple[str, frozenset[str]]]]
"""Of every module of the library, by its path: its text, its name, and its digest with what it imports."""


def call(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """As `python -m snakemake ARGUMENTS` in that folder, whatever its exit status."""
    server = _server()
    assert server.stdin is not None and server.stdout is not None
    with tempfile.TemporaryDirectory(prefix="snakemake-call-") as streams:
        files = [Path(streams) / name for name in ("stdout", "stderr")]
        wanted = [list(arguments), str(folder), dict(environment), *map(str, files)]
        server.stdin.write(json.dumps(wanted) + "\n")
        server.stdin.flush()
        status = server.stdout.readline()
        assert status, "the process that Snakemake is forked from has ended"
        out, err = (path.read_text() for path in files)
    return subprocess.CompletedProcess(["snakemake", *arguments], int(status), out, err)


@cache
def _server() -> subprocess.Popen[str]:
    # of this process's library nothing: a call decides which one is its own
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    server = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    atexit.register(_end, server)
    return server


def _end(server: subprocess.Popen[str]) -> None:
    assert server.stdin is not None
    server.stdin.close()  # it ends when there is no more to read
    server.wait(60)


def _serve() -> None:
    """Fork at every line; the child returns from here and becomes the call, the parent reports its status."""
    import smart_open  # noqa: F401  what every call loads later
    from snakemake.cli import get_argument_parser

    get_argument_parser()  # loads the plugins, too
    assert "rescalade" not in sys.modules
    known = _read_once()
    gc.freeze()
    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            _become(*json.loads(line))
            _remember(known)
            return
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()
    sys.exit(0)


def _become(arguments: list[str], folder: str, environment: dict[str, str], out: str, err: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for stream, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, out, os.O_WRONLY | os.O_CREAT),
        (2, err, os.O_WRONLY | os.O_CREAT),
    ):
        opened = os.open(path, flags)
        os.dup2(opened, stream)
        os.close(opened)
    signal.alarm(LONGEST)
    sys.argv[1:] = arguments
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[0:1] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    # its own logger too
    sys.modules.pop("snakemake_logger_plugin_rescalade", None)
    LoggerPluginRegistry().collect_plugins()


def _read_once() -> Known:
    """What digests say of this repository's modules; the library itself is forgotten again."""
    sys.path.insert(0, str(WORKFLOW))
    import rescalade.terminal.display  # noqa: F401  # what these load of other libraries stays loaded
    from rescalade.pipeline import digest, preflight  # noqa: F401

    known = {}
    for path, text in _sources(digest.ROOT).items():
        name = ".".join(["rescalade", *Path(path).with_suffix("").parts]).removesuffix(".__init__")
        known[path] = (text, name, digest._module(digest.ROOT, name))
    sys.path.pop(0)
    for name in [name for name in sys.modules if name.partition(".")[0] == "rescalade"]:
        del sys.modules[name]
    return known


def _remember(known: Known) -> None:
    """Tell this call what is known of its modules, of those that are the same and unless there are more or fewer."""
    with contextlib.suppress(ImportError, SyntaxError):  # the call itself says what is wrong with its library
        from rescalade.pipeline import digest

        own = _sources(digest.ROOT)
        if own.keys() != known.keys() or own["pipeline/digest.py"] != known["pipeline/digest.py"][0]:
            return
        same = {name: found for path, (text, name, found) in known.items() if own[path] == text}
        plain = digest._module
        digest._module = lambda root, name: same[name] if name in same else plain(root, name)


def _sources(root: Path) -> dict[str, bytes]:
    """Text of every module by its path."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.py"))}


if __name__ == "__main__":
    _serve()
    runpy.run_module("snakemake", run_name="__main__", alter_sys=True)
