"""Head norms before training, and what the audit predicted against what was found."""

from __future__ import annotations

import math

from rescalade.audited import LARGE_NORM, Tried
from rescalade.report.results.audit_read import series_of
from rescalade.report.results.labels import backbone_title, variant_title
from rescalade.report.results.summary import Cell, Summary
from rescalade.report.tables.audit_tables import (
    ALIKE_NOTE,
    Audited,
    known_outcomes,
    measured,
    measured_columns,
    tables_of_one,
)
from rescalade.report.tables.head_table import head_table
from rescalade.report.tables.table import Column, Entry, Row, Table, Value, number, spread, text

SHOWN = (
    "gradient_norm", "active_query", "active_document", "activation_mean", "cosine_document", "score_mean",
    "score_positive", "bf16_step", "logits_sd", "logit_error",
)  # fmt: skip
"""Measures of the audit that stand beside what training found."""


def audited_norm(summary: Summary, backbone: str) -> float:
    """Mean row norm of W before any division; NaN where it was not audited."""
    audit = summary.results.audits.get(backbone)
    return math.nan if audit is None else audit.row_norm.mean


def head_class(summary: Summary, backbone: str) -> str | None:
    """`small` or `large`: as the configuration says, else by the audited row norm; None where neither is known."""
    declared = summary.config.backbone(backbone).head
    if declared is not None:
        return declared
    value = audited_norm(summary, backbone)
    return None if math.isnan(value) else ("large" if value > LARGE_NORM else "small")


def norm_table(summary: Summary) -> Table:
    """One row per backbone: the head as it was before any division."""
    names = summary.config.backbones()
    return head_table([audited(summary, name) for name in names], [head_class(summary, name) for name in names])


def audited(summary: Summary, backbone: str) -> Audited:
    """The audit of a backbone under its display name."""
    audit, hub_id = summary.results.audits.get(backbone), summary.config.backbone(backbone).id
    temperature = summary.config.train_settings(backbone).temperature if summary.config.experiment.recipe else 1.0
    return Audited(backbone, backbone_title(summary.config, backbone), audit, hub_id, temperature)


def audit_entry(summary: Summary, cell: Cell) -> Tried | None:
    """What the audit of the backbone says about the variant; None where it says nothing."""
    variant = cell.variant
    audit = summary.results.audits.get(cell.backbone)
    for entry in () if audit is None else audit.scales:
        if series_of(entry) == (variant.mode, variant.bias) and entry.k == variant.scale:
            return entry
    return None


def prediction_table(summary: Summary, backbone: str | None = None) -> Table:
    """Forward-only measures of the rescaled head beside the quality that training reached."""
    rows = []
    for cell in summary.cells:
        if backbone not in (None, cell.backbone):
            continue
        entry = audit_entry(summary, cell)
        best = summary.is_best(cell)
        rows.append(
            Row(
                {
                    "variant": text(
                        variant_title(cell.variant),
                        mark="\N{BLACK STAR} best" if best else "",
                        strong=best,
                        raw=cell.variant.name,
                    ),
                    "alike": _known(summary, cell, entry),
                    **measured(entry, SHOWN),
                    "predicted": number(entry.step0_loss if entry else None, "size"),
                    "step0_loss": spread(cell.outcome(lambda outcome: outcome.first_loss), "size"),
                    "quality": spread(cell.spread(summary.in_domain), strong=best),
                },
                backbone_title(summary.config, cell.backbone),
                "absent" if not cell.made else "collapsed" if cell.collapsed else "best" if best else "",
                cell.backbone,
            )
        )
    return Table(
        name="prediction" if backbone is None else f"prediction-{backbone}",
        title="Predicted before training, found after it",
        caption=(
            "The loss that forward passes of the rescaled, untrained head predict, the loss training began with and "
            "the quality it reached; then what else the audit saw. Logit error is the relative distance of the "
            "rescaled model's logits from z/k. The bias is not divided unless the variant says so, hence it is above 0 "
            "even where the division of W is exact."
        ),
        columns=[
            Column("variant", "Scale and mode", numeric=False),
            Column("predicted", "predicted", "Loss at step 0", note="InfoNCE of the audit's micro-batch"),
            Column("step0_loss", "found", "Loss at step 0", sd=True, note="first step of training"),
            Column("quality", summary.in_domain_label, "In-domain", sd=True),
            Column("alike", "Known runs that began alike", "Audit, before training", numeric=False, note=ALIKE_NOTE),
            *measured_columns(SHOWN, "Audit, before training"),
        ],
        rows=rows,
    )


def _known(summary: Summary, cell: Cell, entry: Tried | None) -> Value:
    one = audited(summary, cell.backbone)
    if one.audit is None or entry is None:
        return text(None)
    return text(known_outcomes(entry, one.audit, one.temperature), note="; ".join(entry.warnings))


def audit_tables(summary: Summary, backbone: str) -> list[Table]:
    """Every scale, mode and offset that the audit of a backbone tried, run or not; what modes do; the rules' k."""
    return tables_of_one(audited(summary, backbone))


ENTRIES = (Entry(norm_table, order=40), Entry(prediction_table, order=50))
