"""One row per backbone: the head before any division, and what the audit says of it as it is."""

from __future__ import annotations

from collections.abc import Sequence

from rescalade.audited import LARGE_NORM, Audit
from rescalade.models.published_norm import differences
from rescalade.published import load_published
from rescalade.report.results.audit_read import as_it_is
from rescalade.report.results.numbers import written
from rescalade.report.tables.audit_tables import WARNINGS, Audited, measured, measured_columns
from rescalade.report.tables.table import Column, Columns, Row, Table, number, text, values_of

SHOWN = ("step0_loss", "gradient_norm", "activation_mean", "bf16_step", "pooled_positive", "offset_mean", "offset_sd")
"""Measures at k = 1 that stand in this table; the others are in the audit's own."""
UNKNOWN = "none, or not known to this audit"


BEFORE: Columns[[Audit]] = {
    Column("mean", "mean", "Row norm"): lambda audit: number(audit.row_norm.mean, "norm"),
    Column("max", "max", "Row norm"): lambda audit: number(audit.row_norm.max, "norm"),
    Column("sd", "sd", "Row norm"): lambda audit: number(audit.row_norm.sd, "norm"),
}
AFTER: Columns[[Audit]] = {
    Column("tied", "Tied", numeric=False, note="whether W is the token embedding too"): lambda audit: text(
        "yes" if audit.tied else "no"
    ),
    Column("inflate", "Inflation", note="factor put on W after pretraining; 1 is none"): lambda audit: number(
        audit.inflate, "size"
    ),
    Column("vocabulary", "Vocabulary"): lambda audit: number(audit.vocabulary, "count"),
    Column("width", "Width"): lambda audit: number(audit.width, "count"),
    Column("frobenius", "Frobenius norm"): lambda audit: number(audit.frobenius, "size"),
    Column("anisotropy", "Anisotropy"): lambda audit: number(audit.anisotropy),
    Column("bias_norm", "Bias norm"): lambda audit: number(audit.bias_norm, "size"),
    Column("norm", "Norm before W", numeric=False): lambda audit: text(audit.norm, note=UNKNOWN),
    Column("soft_cap", "Soft cap", note="logits are bounded by it"): lambda audit: number(
        audit.soft_cap, "size", note=UNKNOWN
    ),
    Column(
        "modes", "Modes", numeric=False, wide=True, note="what each rescale mode does to the logits"
    ): lambda audit: text(modes_in_words(audit)),
}
"""What is shown of a head before the warnings and what training at k = 1 would meet, and after them."""


def head_table(audits: Sequence[Audited], classes: Sequence[str | None] | None = None) -> Table:
    """Head norms of every backbone, and what its audit says of it undivided.

    Args:
        classes: `small` or `large` for each, None where not known; the column is left out without them.
    """
    rows = []
    for place, one in enumerate(audits):
        values = {"name": text(one.title)}
        if one.audit is None:
            rows.append(Row(values | {"model": text("not audited")}, kind="absent"))
            continue
        entry = as_it_is(one.audit)
        values |= {"model": text(one.audit.model_type), **values_of({**BEFORE, **AFTER}, one.audit)}
        values |= {**values_of(WARNINGS, entry, one.audit, one.temperature), **measured(entry, SHOWN)}
        if classes is not None:
            values["class"] = text(classes[place])
        rows.append(Row(values, kind="warned" if entry is not None and entry.warnings else ""))
    declared = Column(
        "class", "Class", numeric=False, note=f"as declared in the configuration, else large above {LARGE_NORM:g}"
    )
    return Table(
        name="head-norms",
        title="Head norms",
        caption="Every head before division. Row norm is the mean L2 norm of the rows of W, the paper's measure. "
        "Warnings, known runs and what stands under k = 1 are of the head without any division.",
        columns=[
            Column("name", "Backbone", numeric=False),
            Column("model", "Model", numeric=False),
            *([] if classes is None else [declared]),
            *BEFORE,
            *WARNINGS,
            *measured_columns(SHOWN, "At k = 1"),
            *AFTER,
        ],
        rows=rows,
        notes=[f"{one.title}: {words}." for one in audits for words in _differences(one)],
    )


def _differences(one: Audited) -> list[str]:
    """What the audited head does not have in common with the paper's backbone of the same name or id."""
    if one.audit is None:
        return []
    return list(differences(one.name, one.hub_id, one.audit, load_published("rescaling")).values())


def modes_in_words(audit: Audit) -> str | None:
    """`tied error 0.220, untied exact, folded refused`."""
    found = []
    for entry in audit.modes:
        number_too = f" {written(entry.logit_error, 'fine')}" if entry.status == "error" else ""
        found.append(f"{entry.mode} {entry.status}{number_too}")
    return ", ".join(found) or None
