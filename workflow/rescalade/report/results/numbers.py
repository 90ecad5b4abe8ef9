"""How numbers are written: always the same digits for the same kind of value, never `nan`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Style = Literal["measure", "size", "norm", "count", "probability", "percent", "fine"]
MISSING = "\N{EN DASH}"
THIN = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"


def as_float(value: Any) -> float:
    """A value out of JSON or a table as a float; anything that is no number becomes NaN."""
    if isinstance(value, bool) or value is None:
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation over seeds.

    mean: over the finite values, None where there is none. sd: n - 1 in the denominator, None below two values.
    finite: values that entered. total: values there should be; the rest was NaN, infinite or absent.
    """

    mean: float | None
    sd: float | None
    finite: int
    total: int

    @classmethod
    def of(cls, values: Iterable[Any]) -> Spread:
        """Non-finite values are counted, and left out of mean and sd."""
        numbers = [as_float(value) for value in values]
        finite = [value for value in numbers if math.isfinite(value)]
        if not finite:
            return cls(None, None, 0, len(numbers))
        mean = math.fsum(finite) / len(finite)
        if len(finite) < 2:
            return cls(mean, None, 1, len(numbers))
        variance = math.fsum((value - mean) ** 2 for value in finite) / (len(finite) - 1)
        sd = math.sqrt(variance)
        return cls(mean, 0.0 if sd < 1e-12 * abs(mean) else sd, len(finite), len(numbers))  # below: rounding


def decimals(value: float, style: Style) -> int:
    """Digits after the point.

    `size` (losses, active terms, FLOPS) keeps three significant digits from 1 on, `fine` (values that may be far
    below 1) two of them below it too.
    """
    fixed = {"measure": 3, "norm": 3, "count": 0, "probability": 4, "percent": 1}
    if style in fixed:
        return fixed[style]
    magnitude = abs(value)
    if style == "fine" and 0 < magnitude < 0.1:
        return min(12, 1 - math.floor(math.log10(magnitude)))
    if magnitude >= 99.95:
        return 0
    if magnitude >= 9.995:
        return 1
    return 2 if magnitude >= 0.9995 else 3


def written(value: float | None, style: Style = "measure", digits: int | None = None) -> str:
    """The value as shown: `0.204`, `21 600` with thin spaces, an en dash for what is missing or not finite."""
    if value is None or not math.isfinite(value):
        return MISSING
    digits = decimals(value, style) if digits is None else digits
    if style == "probability" and 0 <= value < 0.0001:
        return f"<{THIN}0.0001"
    rounded = round(value, digits)
    text = f"{abs(rounded):,.{digits}f}".replace(",", THIN)
    return f"{MINUS}{text}" if rounded < 0 else text


def signed(value: float | None, digits: int | None = None) -> str:
    """A difference: `+0.012`, with its sign whatever it is."""
    text = written(value, "measure", digits)
    return text if text.startswith((MINUS, MISSING)) else f"+{text}"


def with_spread(spread: Spread, style: Style = "measure") -> str:
    """`0.204 ± 0.011`, in running text."""
    if spread.mean is None:
        return MISSING
    text = written(spread.mean, style)
    if spread.sd is not None:
        text += f" ± {written(spread.sd, style, decimals(spread.mean, style))}"
    return text


def duration(seconds: float) -> str:
    """`48 s`, `9 min 20 s`, `3 h 05 min`."""
    if not math.isfinite(seconds):
        return MISSING
    whole = round(seconds)
    if whole < 1:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def size(count: float) -> str:
    """Bytes with a decimal prefix."""
    if not math.isfinite(count):
        return MISSING
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count:.0f} B"


def listed(items: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    words = list(items)
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1] if words else "") if part)


def plural(count: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{count} {noun}" + ("" if count == 1 else "s")
