"""A picture of what a call shows on a terminal.

    pip install pyte
    python tools/terminal_picture.py docs/example/terminal.svg -- make report

Runs the command on a terminal of its own, of 100 columns and 30 lines, copies what it writes to this one, and keeps the
screen as it was when a share of the time had passed (--at, else a half) and as it was at the end, one above the other,
as SVG.
"""

from __future__ import annotations

import argparse
import io
import os
import pty
import re
import struct
import sys
import termios
import time
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pyte
from rich.console import Console
from rich.segment import Segment, Segments
from rich.style import Style

COLUMNS, LINES = 100, 30


def play(command: list[str]) -> tuple[list[tuple[float, bytes]], int]:
    """What the command writes, with the seconds at which it does, and its exit status."""
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(command[0], command, {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)})  # noqa: S606
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    written: list[tuple[float, bytes]] = []
    start = time.monotonic()
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux's end of a terminal
            break
        if not part:
            break
        written.append((time.monotonic() - start, part))
        sys.stdout.buffer.write(part)
        sys.stdout.flush()
    return written, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def screen_at(written: list[tuple[float, bytes]], seconds: float) -> list[list[Segment]]:
    """The lines of the screen at that time, those below the last written one left out."""
    screen = pyte.HistoryScreen(COLUMNS, LINES, history=1000)
    stream = pyte.ByteStream(screen)
    for when, part in written:
        if when <= seconds:
            stream.feed(part)
    rows = [*screen.history.top, *(screen.buffer[number] for number in range(LINES))]
    found = [[_segment(row[column]) for column in range(COLUMNS)] for row in rows]
    while found and not "".join(segment.text for segment in found[-1]).strip():
        found.pop()
    return found


def _segment(cell: Any) -> Segment:
    color = None if cell.fg == "default" else f"#{cell.fg}" if len(cell.fg) == 6 and cell.fg.isalnum() else cell.fg
    names = {"brown": "yellow", "brightbrown": "bright_yellow", "#yellow": "yellow"}
    color = names.get(color or "", color)
    if color and color.startswith("bright") and not color.startswith("bright_"):
        color = f"bright_{color.removeprefix('bright')}"
    return Segment(cell.data, Style(color=color, bold=cell.bold or None))


def main() -> int:
    """Run the command and write the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--at", type=float, default=0.5, help="share of the time at which the screen is kept")
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    written, status = play(given.command)
    last = written[-1][0] if written else 0.0
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    for number, seconds in enumerate((given.at * last, last)):
        if number:
            console.rule(style="dim")
        for row in screen_at(written, seconds):
            console.print(Segments([*row, Segment.line()]), end="")
    picture = console.export_svg(title=" ".join(given.command))
    # a font of a server elsewhere: whoever looks at the picture would ask it
    given.out.write_text(re.sub(r"@font-face \{.*?\}", "", picture, flags=re.DOTALL), encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
