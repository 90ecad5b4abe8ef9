"""Times and numbers in words."""

from __future__ import annotations


def about(seconds: float) -> str:
    """Such as `34 s`, `12 min`, `2.5 h`: no more than is known of time to come."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def time_range(low: float, high: float) -> str:
    """As `20 to 40 s`, `2 to 3 min`, in the unit of the longer; `at most 3 min` where the shorter is about none."""
    unit, name = (1.0, "s") if high < 100 else (60.0, "min") if high < 6000 else (3600.0, "h")
    step = 5 if unit == 1.0 else 1
    first, last = int(low / unit / step) * step, -int(-high / unit // step) * step
    if first == 0:
        return f"at most {last} {name}"
    return f"{last} {name}" if first == last else f"{first} to {last} {name}"


def counted(number: int, what: str) -> str:
    """Such as `1 job`, `1,258 jobs`."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")
