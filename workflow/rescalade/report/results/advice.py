"""What an audit advises, in words: which k start like runs that trained, and how far that is to be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rescalade.audit.rules import START_SD, Start, start_of
from rescalade.audited import Audit, Tried
from rescalade.config.default_rule import DEFAULT_RULE
from rescalade.report.results.audit_read import series_of, series_title
from rescalade.report.results.known import published_cells
from rescalade.report.results.numbers import listed
from rescalade.variants import MODES


@dataclass(frozen=True)
class Trust:
    """Runs of experiment `why`, on which the window was fitted, and how many of them it is wrong on.

    errors: of all, fitted on all. by_backbone, by_family: of those left out, fitted without any of one; loss: the same
    by backbone of a window on the loss at step 0. elsewhere, errors_elsewhere: runs of experiment `why-boolq`, another
    text and recipe, and on how many of these the window of `why` is wrong.
    """

    runs: int
    errors: int
    by_backbone: int
    by_family: int
    loss: int
    elsewhere: int
    errors_elsewhere: int


TRUST = Trust(runs=294, errors=12, by_backbone=13, by_family=22, loss=46, elsewhere=42, errors_elsewhere=4)
"""From docs/why/step0-map.csv, rows `seen_sd` and `units`, and docs/why/boolq/step0-states.csv."""


def start(entry: Tried, temperature: float) -> Start:
    """On which side of the window a variant of an audit starts."""
    return start_of(entry.score_sd / temperature)


def advice(audit: Audit, temperature: float = 1.0) -> list[str]:
    """Lines for a reader of an audit whose loss has this temperature."""
    low, high = START_SD
    return [
        f"The scores spread by {low:g} to {high:g} over the temperature, as in 2x128 models that trained, at "
        + "; ".join(_inside(audit, temperature))
        + ".",
        _of_default(audit, temperature),
        f"That window is wrong on {TRUST.errors} of {TRUST.runs} runs of 2x128 models, on {TRUST.by_backbone} of them "
        f"where each is judged by a window that was fitted without its backbone ({TRUST.by_family} without its family; "
        f"{TRUST.loss} by the loss at step 0 in place of the scores), and on {TRUST.errors_elsewhere} of "
        f"{TRUST.elsewhere} on another text. {_caveat()}",
    ]


def _inside(audit: Audit, temperature: float) -> Iterator[str]:
    """`tied k = 2 and 4`, of every mode that was tried at more than k = 1; k = 1 is the same in all."""
    undivided = [entry for entry in audit.scales if entry.k == 1]
    for mode in dict.fromkeys(series_of(entry) for entry in _in_order(audit) if entry.k != 1):
        entries = [entry for entry in audit.scales if series_of(entry) == mode]
        found = {entry.k for entry in [*undivided, *entries] if start(entry, temperature) == "inside"}
        values = listed(f"{k:g}" for k in sorted(found))
        yield f"{series_title(entries[0])}: {f'k = {values}' if found else 'no k'}"


def _of_default(audit: Audit, temperature: float) -> str:
    """Where the k of the default rule starts."""
    k = audit.predicted[DEFAULT_RULE].power
    found = [f"{series_title(entry)}: {start(entry, temperature)}" for entry in _in_order(audit) if entry.k == k]
    said = "; ".join(dict.fromkeys(found)) or "not tried"
    return f"The default rule, {DEFAULT_RULE}, takes k = {k}; {said}."


def _in_order(audit: Audit) -> list[Tried]:
    return sorted(audit.scales, key=lambda entry: (MODES.index(entry.mode), entry.bias, entry.k))


def _caveat() -> str:
    """That the border is not that of every model."""
    cells = published_cells()
    units = [cell.units for cell in cells]
    return (
        f"It is no border for every model: the paper's cells began at losses of {min(units):.0f} to {max(units):,.0f} "
        f"ln(candidates), and {sum(cell.trained for cell in cells)} of {len(cells)} trained; it prints no scores, so "
        f"{DEFAULT_RULE} stays the default."
    )
