"""What the pooling is to reach against its peer, and how a row of figures is shown."""

from __future__ import annotations

from typing import Any

Rows = dict[str, dict[str, Any]]

PEER = "splade_pooling"

SPEED = (("1 % active", "numba", 5.0), ("all active", "numba", 4.0), ("1 % active", "screen", 7.5))
"""Case, contender, how many times as fast forward and backward are as the peer's."""

MEMORY = 20.0
"""Times less added peak memory than the peer."""

GEMM = 1.15
"""Forward time over that of the bare GEMM of the real tokens, at most."""


def verdicts(results: dict[str, Rows]) -> list[dict[str, Any]]:
    """The goals whose figures are there: what was asked, what was found, whether it is met."""
    found = []
    for case, name, least in SPEED:
        rows = results.get(case, {})
        if PEER in rows and name in rows:
            ratio = rows[PEER]["forward_backward_s"] / rows[name]["forward_backward_s"]
            found.append(_goal(f"{name}, {case}: at least {least} times as fast as {PEER}", ratio, ratio >= least))
    for case, rows in results.items():
        for name in ("numba", "screen"):
            if PEER in rows and name in rows:
                ratio = rows[PEER]["added_peak_mb"] / rows[name]["added_peak_mb"]
                text = f"{name}, {case}: added peak memory at most 1/{MEMORY:.0f} of {PEER}; 1 over"
                found.append(_goal(text, ratio, ratio >= MEMORY))
        if "gemm" in rows and "numba" in rows:
            ratio = rows["numba"]["forward_s"] / rows["gemm"]["forward_s"]
            found.append(_goal(f"numba, {case}: forward at most {GEMM} times the bare GEMM", ratio, ratio <= GEMM))
    return found


def lines(name: str, rows: Rows) -> str:
    """One contender's figures, with ratios to the peer where that has run."""
    row = rows[name]
    text = f"  {name:15s} forward {row['forward_s']:6.3f} s"
    if "forward_backward_s" not in row:
        return text
    text += f"  with backward {row['forward_backward_s']:6.3f} s  peak +{row['added_peak_mb']:5.0f} MB"
    if PEER in rows and name != PEER:
        peer = rows[PEER]
        faster = peer["forward_backward_s"] / row["forward_backward_s"]
        text += f"  {faster:5.1f} times as fast, 1/{peer['added_peak_mb'] / row['added_peak_mb']:.0f} of the memory"
    return text


def _goal(goal: str, value: float, met: bool) -> dict[str, Any]:
    return {"goal": goal, "value": round(value, 3), "met": met}
