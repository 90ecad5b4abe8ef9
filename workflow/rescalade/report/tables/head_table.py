"""One row per backbone: the head before any division, and what the audit says of it as it is."""

from __future__ import annotations

from collections.abc import Sequence

from rescalade.audited import LARGE_NORM, Audit
from rescalade.report.results.audit_read import as_it_is
from rescalade.report.results.numbers import written
from rescalade.report.tables.audit_tables import RISK_COLUMNS, Audited, measured, measured_columns, risk_values
from rescalade.report.tables.table import Column, Row, Table, Value, number, text

SHOWN = ("step0_loss", "gradient_norm", "activation_mean", "bf16_step")
"""Measures at k = 1 that stand in this table; the others are in the audit's own."""


def head_table(audits: Sequence[Audited], classes: Sequence[str | None] | None = None) -> Table:
    """Head norms and risk of every backbone.

    Args:
        classes: `small` or `large` for each, None where not known; the column is left out without them.
    """
    rows = []
    for place, one in enumerate(audits):
        title = text(one.title)
        if one.audit is None:
            rows.append(Row({"name": title, "model": text("not audited")}, kind="absent"))
            continue
        entry = as_it_is(one.audit)
        values = {"name": title, **_head(one.audit), **risk_values(entry), **measured(entry, SHOWN)}
        values["modes"] = text(modes_in_words(one.audit))
        if classes is not None:
            values["class"] = text(classes[place])
        rows.append(Row(values, kind="high" if values["risk"].raw == "high" else ""))
    declared = Column(
        "class", "Class", numeric=False, note=f"as declared in the configuration, else large above {LARGE_NORM:g}"
    )
    return Table(
        name="head-norms",
        title="Head norms",
        caption="Every head before division. Row norm is the mean L2 norm of the rows of W, the paper's measure. Risk "
        "and what stands under k = 1 are of SPLADE training without any division.",
        columns=[
            Column("name", "Backbone", numeric=False),
            Column("model", "Model", numeric=False),
            *([] if classes is None else [declared]),
            Column("mean", "mean", "Row norm"),
            Column("max", "max", "Row norm"),
            Column("sd", "sd", "Row norm"),
            *RISK_COLUMNS,
            *measured_columns(SHOWN, "At k = 1"),
            Column("tied", "Tied", numeric=False, note="whether W is the token embedding too"),
            Column("inflate", "Inflation", note="factor put on W after pretraining; 1 is none"),
            Column("vocabulary", "Vocabulary"),
            Column("width", "Width"),
            Column("frobenius", "Frobenius norm"),
            Column("anisotropy", "Anisotropy"),
            Column("bias_norm", "Bias norm"),
            Column("norm", "Norm before W", numeric=False),
            Column("soft_cap", "Soft cap", note="logits are bounded by it"),
            Column("modes", "Modes", numeric=False, wide=True, note="what each rescale mode does to the logits"),
        ],
        rows=rows,
    )


def modes_in_words(audit: Audit) -> str | None:
    """`tied error 0.220, untied exact, folded refused`."""
    found = []
    for entry in audit.modes:
        number_too = f" {written(entry.logit_error, 'fine')}" if entry.status == "error" else ""
        found.append(f"{entry.mode} {entry.status}{number_too}")
    return ", ".join(found) or None


def _head(audit: Audit) -> dict[str, Value]:
    norm = audit.row_norm
    return {
        "model": text(audit.model_type),
        "tied": text("yes" if audit.tied else "no"),
        "inflate": number(audit.inflate, "size"),
        "vocabulary": number(audit.vocabulary, "count"),
        "width": number(audit.width, "count"),
        "mean": number(norm.mean, "norm"),
        "max": number(norm.max, "norm"),
        "sd": number(norm.sd, "norm"),
        "frobenius": number(audit.frobenius, "size"),
        "anisotropy": number(audit.anisotropy, "measure"),
        "bias_norm": number(audit.bias_norm, "size"),
        "norm": text(audit.norm, note="none, or not known to this audit"),
        "soft_cap": number(audit.soft_cap, "size", note="none, or not known to this audit"),
    }
