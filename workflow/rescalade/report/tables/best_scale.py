"""Predicted against best k: what each rule's k would have cost, as far as the runs tell."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from rescalade.audited import Prediction
from rescalade.report.results.audit_read import predictions
from rescalade.report.results.labels import backbone_title, variant_title
from rescalade.report.results.noise import seed_noise
from rescalade.report.results.numbers import listed, plural, written
from rescalade.report.results.summary import COLLAPSED, Cell, Summary
from rescalade.report.tables.audit_tables import PREDICTED
from rescalade.report.tables.table import Column, Entry, Row, Table, Value, number, spread, text, values_of
from rescalade.report.tables.verdicts import verdict_value


@dataclass(frozen=True)
class RuleOutcome:
    """A rule's k beside the runs.

    prediction: of the audit. best: see `Summary.best`. nearest: trained cell nearest to the rule's k.
    shortfall: quality of best minus that of nearest, NaN where either is not known.
    """

    backbone: str
    rule: str
    prediction: Prediction
    best: Cell | None
    nearest: Cell | None
    shortfall: float


def rule_outcomes(summary: Summary) -> Iterator[RuleOutcome]:
    """Outcomes of all rules, backbone by backbone, in the order of the rules."""
    for backbone in summary.config.backbones():
        best = summary.best_of(summary.divided(backbone))
        for rule, prediction in predictions(summary.results.audits.get(backbone)):
            nearest = nearest_cell(summary, backbone, prediction.power)
            shortfall = math.nan
            if best is not None and nearest is not None:
                shortfall = summary.quality(best) - summary.quality(nearest)
            yield RuleOutcome(backbone, rule, prediction, best, nearest, shortfall)


def nearest_cell(summary: Summary, backbone: str, k: float) -> Cell | None:
    """The trained cell whose k is nearest by ratio; the smaller k in a tie, the best mode of that k.

    A cell that was trained and has no quality, because it broke down, counts: leaving it out would flatter the rule.
    """
    trained = [cell for cell in summary.divided(backbone) if cell.made and not cell.variant.unchosen]
    if not trained:
        return None

    def distance(cell: Cell) -> tuple[float, float, float]:
        quality = summary.quality(cell)
        ratio = round(abs(math.log2(cell.variant.scale / k)), 9)  # rounded: 2 and 8 are as far from 4
        return ratio, cell.variant.scale, -quality if math.isfinite(quality) else math.inf

    return min(trained, key=distance)


def predicted_against_best(summary: Summary) -> Table:
    """The table, with the best k left empty where there are no runs."""
    outcomes, measure = list(rule_outcomes(summary)), summary.in_domain_label
    return Table(
        name="predicted-against-best",
        title="Predicted against best k",
        caption=(
            f"The k of each rule, computed before training, and what the runs say of it: in-domain {measure}, mean "
            "over seeds, of the best k of the backbone and of the trained k nearest to the rule's, each in the best of "
            "the modes that were trained with it. The best k is the best of those that were trained, not of all; it "
            f"was {summary.choice_words}."
        ),
        columns=[
            *PREDICTED,
            Column("best_k", "k", "Best", note="over all modes"),
            Column("best_variant", "Scale and mode", "Best", numeric=False),
            Column("best_quality", measure, "Best", sd=True),
            Column("nearest_k", "k", "Nearest trained"),
            Column("nearest_variant", "Scale and mode", "Nearest trained", numeric=False),
            Column("nearest_quality", measure, "Nearest trained", sd=True),
            Column("shortfall", "Below best", note=f"{measure} of the best k minus that of the nearest"),
            Column("note", "Note", numeric=False, wide=True),
        ],
        rows=[_row(summary, outcome) for outcome in outcomes] + _without_prediction(summary),
        notes=_means(outcomes, measure),
    )


def _row(summary: Summary, outcome: RuleOutcome) -> Row:
    return Row(
        {
            **values_of(PREDICTED, outcome.rule, outcome.prediction),
            **_cell_values(summary, outcome.best, "best"),
            **_cell_values(summary, outcome.nearest, "nearest"),
            "shortfall": number(outcome.shortfall),
            "note": text("; ".join(_remarks(summary, outcome)) or None, note="nothing to add"),
        },
        backbone_title(summary.config, outcome.backbone),
        "collapsed" if outcome.nearest is not None and outcome.nearest.collapsed else "",
        outcome.backbone,
    )


def _cell_values(summary: Summary, cell: Cell | None, which: str) -> dict[str, Value]:
    if cell is None:
        return {f"{which}_{key}": text(None) for key in ("k", "variant", "quality")}
    return {
        f"{which}_k": Value(f"{cell.variant.scale:g}", cell.variant.scale),
        f"{which}_variant": text(variant_title(cell.variant), raw=cell.variant.name),
        f"{which}_quality": spread(cell.spread(summary.in_domain)),
    }


def _remarks(summary: Summary, outcome: RuleOutcome) -> list[str]:
    """What keeps the numbers of a row from being the whole truth."""
    power = outcome.prediction.power
    nearest = outcome.nearest
    if nearest is None:
        return ["no run was made"]
    remarks = [outcome.prediction.note] if outcome.prediction.note else []
    scales = sorted({cell.variant.scale for cell in summary.divided(outcome.backbone) if cell.made})
    low, high, near = f"{scales[0]:g}", f"{scales[-1]:g}", f"{nearest.variant.scale:g}"
    if not scales[0] <= power <= scales[-1]:
        remarks.append(f"outside the trained k, {low} to {high}: what k = {power:g} would reach is not known")
    elif nearest.variant.scale != power:
        remarks.append(f"k = {power:g} was not trained, k = {near} is the nearest")
    broken = _broke_down(nearest)
    if broken:
        remarks.append(str(verdict_value(nearest).raw))  # without signs: this goes into data too
    if nearest is outcome.best:
        remarks.append("the best k itself" if nearest.variant.scale == power else "the nearest is the best trained")
    elif outcome.shortfall < 0:
        remarks.append("better here than the best k, which was chosen on other queries")
    elif math.isfinite(outcome.shortfall) and not broken:
        # a collapsed seed is no noise: with it in the spread every difference would pass
        sound = [cell for cell in summary.divided(outcome.backbone) if not _broke_down(cell)]
        noise = seed_noise(cell.spread(summary.in_domain) for cell in sound)
        if outcome.shortfall <= noise:
            remarks.append(f"within seed noise, {written(noise)}")
    return remarks


def _broke_down(cell: Cell) -> bool:
    """Whether any seed collapsed."""
    return any(verdict in COLLAPSED for verdict in cell.verdicts)


def _without_prediction(summary: Summary) -> list[Row]:
    """Backbones of which no rule says anything, so that their absence is seen."""
    rows = []
    for name in summary.config.backbones():
        audit = summary.results.audits.get(name)
        if not any(True for _ in predictions(audit)):
            why = "not audited" if audit is None else "the audit predicts no k"
            rows.append(Row({"rule": text(why)}, backbone_title(summary.config, name), "absent", name))
    return rows


def _means(outcomes: list[RuleOutcome], measure: str) -> list[str]:
    """One sentence: how far each rule fell short on average and at worst."""
    found: dict[str, list[float]] = {}
    for outcome in outcomes:
        if math.isfinite(outcome.shortfall):
            found.setdefault(outcome.rule, []).append(outcome.shortfall)
    if not found:
        return []
    parts = [
        f"{rule} {written(math.fsum(values) / len(values))} over {plural(len(values), 'backbone')} "
        f"({written(max(values))} at worst)"
        for rule, values in found.items()
    ]
    return [
        f"Below the best in {measure}, on average: {listed(parts)}. A k outside the trained ones enters by its nearest."
    ]


ENTRIES = (Entry(predicted_against_best, order=60),)
