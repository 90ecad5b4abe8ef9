"""Jobs that a server forks look, to whoever called the command, as if the command had run."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from rescalade.warm import client, launch, protocol

PROBE = Path(__file__).parent / "probe_server.py"
CALL = f"""
import os, sys
from rescalade.warm.launch import launch
launch([sys.executable, {str(PROBE)!r}])
print(os.environ["RESCALADE_WARM"], flush=True)
sys.stdin.read()
"""
"""A Snakemake call: it starts a server and ends when its standard input does."""
COMMAND = [sys.executable, "-m", "rescalade"]


@pytest.fixture
def call() -> Generator[subprocess.Popen[str]]:
    environment = {key: value for key, value in os.environ.items() if key != protocol.SOCKET}
    with subprocess.Popen(
        [sys.executable, "-c", CALL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process
        process.communicate(timeout=30)


@pytest.fixture
def warm(call: subprocess.Popen[str]) -> dict[str, str]:
    """The environment of its jobs."""
    assert call.stdout is not None
    return {**os.environ, protocol.SOCKET: call.stdout.readline().strip(), "RESCALADE_DEBUG": "1"}


def run(environment: dict[str, str], *words: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [*COMMAND, *words], env=environment, capture_output=True, text=True, timeout=60, check=False, **more
    )


def waiting(environment: dict[str, str]) -> tuple[subprocess.Popen[str], int, int]:
    """A command whose job waits with a child: the command, the job, the child."""
    process = subprocess.Popen(
        [*COMMAND, "wait"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    job, child = map(int, process.stdout.readline().split())
    return process, job, child


def server_of(job: int) -> int:
    return int(Path(f"/proc/{job}/stat").read_text().rpartition(")")[2].split()[1])


def gone(*processes: int, seconds: float = 10) -> bool:
    def there(process: int) -> bool:
        try:
            return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        except OSError:
            return False

    end = time.monotonic() + seconds
    while any(there(process) for process in processes):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_a_job_has_what_its_command_had(warm: dict[str, str], tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with lock.open("w") as held:
        os.set_inheritable(held.fileno(), True)
        done = subprocess.run(
            ["/bin/sh", "-c", 'umask 027; ulimit -n 200; exec "$0" -m rescalade state a "b c"', sys.executable],
            env={**warm, "OWN": "ä"}, cwd=tmp_path, input="to read", close_fds=False, capture_output=True, text=True,
        )  # fmt: skip
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert done.stderr == "on standard error\n"
    assert found["arguments"] == ["state", "a", "b c"]
    assert found["folder"] == str(tmp_path)
    assert found["environment"]["OWN"] == "ä"
    assert "OPENBLAS_NUM_THREADS" not in found["environment"] or "OPENBLAS_NUM_THREADS" in os.environ
    assert (found["umask"], found["files"], found["read"]) == (0o027, 200, "to read")
    assert str(lock) in found["open"]
    assert not [name for name in found["open"] if "socket:" in name], "none of the server's"
    assert found["terminal"] == [False, False, False]


def test_a_terminal_is_one_for_the_job(warm: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run([*COMMAND, "state"], env=warm, stdin=subprocess.DEVNULL, stdout=theirs, check=False)
    os.close(theirs)
    text = b""
    while b"}" not in text:
        text += os.read(ours, 65536)
    os.close(ours)
    assert done.returncode == 0
    assert json.loads(text)["terminal"] == [False, True, os.isatty(2)]


def test_statuses(warm: dict[str, str]) -> None:
    assert [run(warm, "exit", str(status)).returncode for status in (0, 2, 77)] == [0, 2, 77]
    said = run(warm, "say")
    assert (said.returncode, said.stderr) == (1, "a last word\n")
    assert run(warm, "killed").returncode == -signal.SIGKILL
    failed = run(warm, "raise")
    assert failed.returncode == 1
    assert failed.stderr.rstrip().endswith("RuntimeError: a mistake of ours")


def test_jobs_at_the_same_time(warm: dict[str, str]) -> None:
    first, second = waiting(warm), waiting(warm)
    assert len({server_of(job) for _, job, _ in (first, second)}) == 1
    for command, *_ in (first, second):
        command.send_signal(signal.SIGINT)
        assert command.communicate(timeout=10)[0] == "interrupted\n"
        assert command.returncode == 130


def test_a_terminated_command_ends_its_job(warm: dict[str, str]) -> None:
    command, job, child = waiting(warm)
    command.terminate()
    command.communicate(timeout=10)
    assert command.returncode == -signal.SIGTERM
    assert gone(job, child)


def test_a_killed_command_ends_its_job_and_the_children_of_that(warm: dict[str, str]) -> None:
    command, job, child = waiting(warm)
    command.kill()
    assert gone(job, child)
    command.communicate()
    assert run(warm, "exit", "3").returncode == 3, "the server goes on"


def test_a_killed_server_leaves_no_job(warm: dict[str, str]) -> None:
    command, job, child = waiting(warm)
    os.kill(server_of(job), signal.SIGKILL)
    _, said = command.communicate(timeout=10)
    assert (command.returncode, said) == (1, client.LOST)
    assert gone(job, child, seconds=1)
    plain = run(warm, "list", "nothing")
    assert plain.returncode == 2
    assert "DEBUG plain start: " in plain.stderr


@pytest.mark.parametrize("killed", [False, True])
def test_the_server_ends_with_the_call(call: subprocess.Popen[str], warm: dict[str, str], killed: bool) -> None:
    command, job, child = waiting(warm)
    server = server_of(job)
    if killed:
        call.kill()
        call.wait()
    else:
        call.communicate(timeout=30)
    assert gone(server, job, child)
    assert command.communicate(timeout=10)[1] == client.LOST
    assert not Path(warm[protocol.SOCKET]).parent.exists()


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("thread", "2 threads after loading"),
        ("unloadable", "ImportError: no such library"),
        ("unforkable", "fork: Resource temporarily unavailable"),
    ],
)
def test_where_the_server_cannot_the_command_starts_the_plain_way(warm: dict[str, str], word: str, reason: str) -> None:
    done = run(warm, word)
    assert done.stderr.startswith(f"DEBUG plain start: {reason}\n")
    assert "No such command" in done.stderr, "the command line itself"
    assert run({**warm, "RESCALADE_DEBUG": ""}, word).stderr == done.stderr.partition("\n")[2]


def test_processes_that_start_processes_start_the_plain_way(warm: dict[str, str]) -> None:
    assert "it starts processes of its own" in run(warm, "state", "--devices", "2").stderr


def stale(folder: Path) -> str:
    path = folder / "stale"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(str(path))
    return str(path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (stale, "Connection refused"),
        (lambda folder: str(folder / "absent"), "No such file or directory"),
        (lambda folder: str(folder / ("x" * 200)), "path too long"),
        (lambda folder: str(folder), "Connection refused"),
    ],
)
def test_a_socket_that_is_no_server(tmp_path: Path, path: Callable[[Path], str], reason: str) -> None:
    done = run({**os.environ, protocol.SOCKET: path(tmp_path), "RESCALADE_DEBUG": "1"}, "--help")
    assert done.returncode == 0
    assert "DEBUG plain start: " in done.stderr
    assert reason in done.stderr


def test_a_server_of_another_user_gets_nothing(
    warm: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(protocol, "peer", lambda connection: os.getuid() + 1)
    for name in (protocol.SOCKET, "RESCALADE_DEBUG"):
        monkeypatch.setenv(name, warm[name])
    assert client.run(["state"]) is None
    assert f"{warm[protocol.SOCKET]} is of another user" in capsys.readouterr().err


def test_a_command_of_another_installation_starts_the_plain_way(
    warm: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(protocol, "here", lambda: ["/elsewhere", sys.version, "/elsewhere/rescalade/warm"])
    for name in (protocol.SOCKET, "RESCALADE_DEBUG"):
        monkeypatch.setenv(name, warm[name])
    assert client.run(["state"]) is None
    assert "it runs by /elsewhere" in capsys.readouterr().err


def test_a_server_that_hangs(warm: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    command, job, child = waiting(warm)
    server = server_of(job)
    os.kill(server, signal.SIGSTOP)
    try:
        monkeypatch.setattr(client, "PATIENCE", 0.3)
        monkeypatch.setenv(protocol.SOCKET, warm[protocol.SOCKET])
        assert client.run(["state"]) is None
    finally:
        os.kill(server, signal.SIGCONT)
    command.kill()
    command.communicate()
    assert gone(job, child)


@pytest.mark.parametrize(("which", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_a_signal_ends_a_job_whose_server_is_busy(warm: dict[str, str], which: int, status: int) -> None:
    """As it is for seconds while it compiles kernels, which takes no notice of anything."""
    command, job, child = waiting(warm)
    server = server_of(job)
    os.kill(server, signal.SIGSTOP)
    try:
        command.send_signal(which)
        command.communicate(timeout=4)
        assert command.returncode == status
        assert gone(child)
    finally:
        os.kill(server, signal.SIGCONT)
    assert gone(job)
    assert run(warm, "exit", "3").returncode == 3, "the server goes on"


def test_no_server_is_started_where_it_is_switched_off_or_nowhere_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(protocol.SOCKET, protocol.OFF)
    assert not launch.launch()
    assert os.environ[protocol.SOCKET] == protocol.OFF
    monkeypatch.setenv(protocol.SOCKET, "")
    monkeypatch.setattr(launch.tempfile, "mkdtemp", lambda **_: (_ for _ in ()).throw(OSError("read-only")))
    assert not launch.launch()
    assert protocol.SOCKET not in os.environ


def test_a_temporary_folder_whose_path_is_too_long(tmp_path: Path) -> None:
    """The socket lies under /tmp then."""
    long = tmp_path / ("x" * 120)
    long.mkdir()
    environment = {**os.environ, "TMPDIR": str(long)}
    with subprocess.Popen(
        [sys.executable, "-c", CALL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        path = process.stdout.readline().strip()
        assert path.startswith("/tmp/")
        assert run({**environment, protocol.SOCKET: path}, "exit", "4").returncode == 4
        process.communicate(timeout=30)
    assert not list(long.iterdir())
    assert tempfile.gettempdir() != str(long)
