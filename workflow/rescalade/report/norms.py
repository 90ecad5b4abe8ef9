"""Head norms before training, and what the audit predicted against what was found."""

from __future__ import annotations

import math
from typing import Any

from rescalade.report.labels import backbone_title, variant_title
from rescalade.report.numbers import as_float
from rescalade.report.results import Json
from rescalade.report.summary import Cell, Summary
from rescalade.report.table import Column, Row, Table, number, spread, text

LARGE_NORM = 2.0
"""Mean row norm above which the paper calls a head large (Table 1)."""


def audited_norm(summary: Summary, backbone: str) -> float:
    """Mean row norm of W before any division; NaN where it was not audited."""
    return as_float((summary.results.audits.get(backbone, {}).get("row_norm") or {}).get("mean"))


def head_class(summary: Summary, backbone: str) -> str | None:
    """`small` or `large`: as the configuration says, else by the audited row norm; None where neither is known."""
    declared = summary.config.backbone(backbone).head
    if declared is not None:
        return declared
    value = audited_norm(summary, backbone)
    return None if math.isnan(value) else ("large" if value > LARGE_NORM else "small")


def norm_table(summary: Summary) -> Table:
    """One row per backbone: the head as it was before any division."""
    rows = []
    for name in summary.config.backbones():
        audit = summary.results.audits.get(name)
        title = text(backbone_title(summary.config, name))
        if audit is None:
            rows.append(Row({"name": title, "model": text("not audited")}, kind="absent"))
            continue
        norm: Json = audit.get("row_norm") or {}
        rows.append(
            Row(
                {
                    "name": title,
                    "model": text(str(audit.get("model_type") or "unknown")),
                    "class": text(head_class(summary, name)),
                    "tied": text("yes" if audit.get("tied") else "no"),
                    "inflate": number(as_float(audit.get("inflate")), "size"),
                    "vocabulary": number(as_float(audit.get("vocabulary")), "count"),
                    "width": number(as_float(audit.get("width")), "count"),
                    "mean": number(as_float(norm.get("mean")), "norm"),
                    "max": number(as_float(norm.get("max")), "norm"),
                    "sd": number(as_float(norm.get("sd")), "norm"),
                    "frobenius": number(as_float(audit.get("frobenius")), "size"),
                    "anisotropy": number(as_float(audit.get("anisotropy")), "measure"),
                    "bias_norm": number(as_float(audit.get("bias_norm")), "size"),
                }
            )
        )
    return Table(
        name="head-norms",
        title="Head norms",
        caption="Every head before division. Row norm is the mean L2 norm of the rows of W, the paper's measure.",
        columns=[
            Column("name", "Backbone", numeric=False),
            Column("model", "Model", numeric=False),
            Column("class", "Class", numeric=False, note="as declared in the configuration, else large above 2"),
            Column("tied", "Tied", numeric=False),
            Column("inflate", "Inflation", note="factor put on W after pretraining; 1 is none"),
            Column("vocabulary", "Vocabulary"),
            Column("width", "Width"),
            Column("mean", "mean", "Row norm"),
            Column("max", "max", "Row norm"),
            Column("sd", "sd", "Row norm"),
            Column("frobenius", "Frobenius norm"),
            Column("anisotropy", "Anisotropy"),
            Column("bias_norm", "Bias norm"),
        ],
        rows=rows,
    )


def audit_entry(summary: Summary, cell: Cell) -> Json:
    """What the audit of the backbone says about the variant; empty where it says nothing."""
    audit = summary.results.audits.get(cell.backbone)
    entries: list[dict[str, Any]] = list((audit or {}).get("scales") or [])
    variant = cell.variant
    for entry in entries:
        same = entry.get("mode", "tied") == variant.mode and entry.get("bias", False) == variant.bias
        if same and as_float(entry.get("k")) == variant.scale:
            return entry
    return {}


def prediction_table(summary: Summary, backbone: str | None = None) -> Table:
    """Forward-only measures of the rescaled head beside the quality that training reached."""
    rows = []
    for cell in summary.cells:
        if backbone not in (None, cell.backbone):
            continue
        entry = audit_entry(summary, cell)
        best = summary.best(cell.backbone) is cell
        rows.append(
            Row(
                {
                    "variant": text(
                        variant_title(cell.variant),
                        mark="\N{BLACK STAR} best" if best else "",
                        strong=best,
                        raw=cell.variant.name,
                    ),
                    "logit_error": number(as_float(entry.get("logit_error"))),
                    "logits_sd": number(as_float(entry.get("logits_sd")), "size"),
                    "active_query": number(as_float(entry.get("active_query")), "size"),
                    "active_document": number(as_float(entry.get("active_document")), "size"),
                    "cosine_document": number(as_float(entry.get("cosine_document"))),
                    "score_mean": number(as_float(entry.get("score_mean")), "size"),
                    "score_positive": number(as_float(entry.get("score_positive")), "size"),
                    "predicted": number(as_float(entry.get("step0_loss")), "size"),
                    "step0_loss": spread(cell.outcome("first_loss"), "size"),
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
            "the "
            "quality it reached; then what else the audit saw. Logit error is the relative distance of the rescaled "
            "model's "
            "logits from z/k. The bias is not divided unless the variant says so, hence it is above 0 even where the "
            "division of W is exact."
        ),
        columns=[
            Column("variant", "Scale and mode", numeric=False),
            Column("predicted", "predicted", "Loss at step 0", note="InfoNCE of the audit's micro-batch"),
            Column("step0_loss", "found", "Loss at step 0", sd=True, note="first step of training"),
            Column("quality", "MRR@10", "In-domain", sd=True),
            Column("logit_error", "Logit error", "Audit, before training"),
            Column("logits_sd", "Logits, sd", "Audit, before training"),
            Column("active_query", "Active, query", "Audit, before training"),
            Column("active_document", "Active, document", "Audit, before training"),
            Column("cosine_document", "Cosine, documents", "Audit, before training"),
            Column("score_mean", "Score, mean", "Audit, before training"),
            Column("score_positive", "Score, positive", "Audit, before training"),
        ],
        rows=rows,
    )


def audit_table(summary: Summary, backbone: str) -> Table:
    """Every scale and mode that the audit of a backbone tried, run or not."""
    entries: list[Json] = list((summary.results.audits.get(backbone) or {}).get("scales") or [])
    columns = [
        ("logit_error", "Logit error", "measure"),
        ("logits_mean", "Logits, mean", "size"),
        ("logits_sd", "Logits, sd", "size"),
        ("logits_max", "Logits, max", "size"),
        ("active_query", "Active, query", "size"),
        ("active_document", "Active, document", "size"),
        ("cosine_document", "Cosine, documents", "measure"),
        ("score_mean", "Score, mean", "size"),
        ("score_positive", "Score, positive", "size"),
        ("step0_loss", "Loss at step 0", "size"),
    ]
    rows = []
    for entry in entries:
        scale = as_float(entry.get("k"))
        values = {"scale": text(f"k = {scale:g}, {entry.get('mode', 'tied')}")}
        for key, _, style in columns:
            values[key] = number(as_float(entry.get(key)), style)  # type: ignore[arg-type]
        rows.append(Row(values))
    return Table(
        name=f"audit-{backbone}",
        title="Audit by scale and mode",
        caption="Forward passes over one fixed micro-batch, for every scale and mode; nothing was trained.",
        columns=[
            Column("scale", "Scale and mode", numeric=False),
            *(Column(key, header) for key, header, _ in columns),
        ],
        rows=rows,
    )
