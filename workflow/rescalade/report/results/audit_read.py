"""Reads an audit's JSON. Audits of other versions lack fields: what is absent or of another form reads as missing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from rescalade.report.results.labels import mode_words
from rescalade.report.results.numbers import as_float
from rescalade.variants import MODES, SCALE_RULES

Json = Mapping[str, Any]


def part(audit: Json | None, key: str) -> Json:
    """An object inside the audit; empty where there is none."""
    value = (audit or {}).get(key)
    return value if isinstance(value, Mapping) else {}


def entries(audit: Json | None, key: str) -> list[Json]:
    """A list of objects inside the audit."""
    value = (audit or {}).get(key)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def words(entry: Json, key: str) -> str | None:
    """A text that is not empty, else None."""
    value = entry.get(key)
    return value if isinstance(value, str) and value else None


def row_norm(audit: Json | None) -> float:
    """Mean L2 norm of the rows of W; NaN where it is not known."""
    return as_float(part(audit, "row_norm").get("mean"))


def candidates(audit: Json | None) -> float:
    """Documents that each query was scored against; NaN where it is not known."""
    return as_float(part(audit, "text").get("documents"))


def scale_entries(audit: Json | None) -> list[Json]:
    """One per scale, mode and bias; those without a k above 0 are left out."""
    return [entry for entry in entries(audit, "scales") if 0 < as_float(entry.get("k")) < math.inf]


def series_of(entry: Json) -> tuple[str, bool]:
    """Mode and whether the bias is divided; `tied` with the bias left alone where nothing is said."""
    return words(entry, "mode") or "tied", entry.get("bias") is True


def series_title(entry: Json) -> str:
    """`folded, bias too`."""
    return mode_words(*series_of(entry))


def as_it_is(audit: Json | None) -> Json:
    """The entry at k = 1, where every mode is the same; empty where it was not tried."""
    found = [entry for entry in scale_entries(audit) if as_float(entry.get("k")) == 1]
    return min(found, key=_mode_order, default={})


def risk_level(entry: Json) -> str | None:
    """`low`, `raised` or `high`; None where it was not judged."""
    return words(part(entry, "risk"), "level")


def risk_reasons(entry: Json) -> list[str]:
    """The rules that the entry breaks, in words with numbers."""
    reasons = part(entry, "risk").get("reasons")
    return [str(reason) for reason in reasons] if isinstance(reasons, list) else []


def predictions(audit: Json | None) -> Iterator[tuple[str, Json]]:
    """(rule, prediction), the known rules first and in their order."""
    found = part(audit, "predicted")
    for rule in dict.fromkeys([*(rule for rule in SCALE_RULES if rule in found), *found]):
        if isinstance(found[rule], Mapping):
            yield rule, found[rule]


def predicted_power(prediction: Json) -> float:
    """The power of two that is used; NaN where the rule gives no k."""
    power = as_float(prediction.get("power"))
    return power if 0 < power < math.inf else math.nan


def _mode_order(entry: Json) -> tuple[int, bool]:
    mode, bias = series_of(entry)
    return next((place for place, known in enumerate(MODES) if known == mode), len(MODES)), bias
