"""What pages, plots and tables ask of an audit."""

from __future__ import annotations

from collections.abc import Iterator

from rescalade.audited import Audit, Prediction, Tried
from rescalade.report.results.labels import mode_words
from rescalade.variants import MODES, SCALE_RULES, Mode


def series_of(entry: Tried) -> tuple[Mode, bool]:
    """Mode and whether the bias is divided."""
    return entry.mode, entry.bias


def series_title(entry: Tried) -> str:
    """`folded, bias too`."""
    return mode_words(entry.mode, entry.bias)


def as_it_is(audit: Audit) -> Tried | None:
    """The entry at k = 1, where every mode is the same; None where it was not tried."""
    found = [entry for entry in audit.scales if entry.k == 1]
    return min(found, key=lambda entry: (MODES.index(entry.mode), entry.bias), default=None)


def predictions(audit: Audit | None) -> Iterator[tuple[str, Prediction]]:
    """(rule, prediction), the rules first and in their order; nothing without an audit."""
    found = {} if audit is None else audit.predicted
    for rule in dict.fromkeys([*(rule for rule in SCALE_RULES if rule in found), *found]):
        yield rule, found[rule]
