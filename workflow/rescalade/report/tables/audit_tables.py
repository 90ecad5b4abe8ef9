"""What audits say, as tables: by scale and mode, by mode, and the k that each rule predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rescalade.audited import Audit, ModeFound, Prediction, Tried
from rescalade.report.results.audit_read import predictions, series_title
from rescalade.report.results.numbers import Style
from rescalade.report.tables.table import Column, Columns, Row, Table, Value, number, text, values_of

MEASURES: tuple[tuple[str, str, str, Style, str], ...] = (
    ("step0_loss", "Loss at step 0", "", "size", "InfoNCE of the audit's micro-batch"),
    ("gradient_norm", "Gradient norm", "", "size", "of that loss, over all parameters"),
    ("active_query", "query", "Active terms", "size", ""),
    ("active_document", "document", "Active terms", "size", ""),
    ("activation_mean", "Activation, mean", "", "fine", "mean term weight over documents and vocabulary"),
    ("cosine_document", "Cosine, documents", "", "measure", "mean over pairs"),
    ("score_mean", "mean", "Score", "size", ""),
    ("score_sd", "sd", "Score", "size", ""),
    ("score_positive", "positive", "Score", "size", "of the relevant document"),
    ("bf16_step", "bf16 step", "Score", "fine", "distance of neighbouring bf16 numbers at the mean score"),
    ("logits_mean", "mean", "Logits", "size", ""),
    ("logits_sd", "sd", "Logits", "size", ""),
    ("logits_max", "max", "Logits", "size", ""),
    ("logit_error", "error", "Logits", "measure", "relative distance from z/k"),
)
"""Key, heading, heading above it, digits and explanation of what is measured at every scale."""


@dataclass(frozen=True)
class Audited:
    """A backbone and its audit, None where there is none. hub_id: owner/name on the hub, where it is known."""

    name: str
    title: str
    audit: Audit | None
    hub_id: str | None = None


def measured(entry: Tried | None, keys: Sequence[str] = ()) -> dict[str, Value]:
    """Values of MEASURES, or of some of them; missing where the audit did not try it."""
    chosen = [(key, style) for key, _, _, style, _ in MEASURES if not keys or key in keys]
    return {key: number(None if entry is None else getattr(entry, key), style) for key, style in chosen}


def measured_columns(keys: Sequence[str] = (), group: str | None = None) -> list[Column]:
    """Columns of MEASURES, or of some of them; under their own headings or all under one."""
    columns = []
    for key, header, above, _, note in MEASURES:
        if keys and key not in keys:
            continue
        alone = f"{above}, {header}" if above and group is not None else header
        columns.append(Column(key, alone, above if group is None else group, note=note))
    return columns


RISK: Columns[[Tried | None]] = {
    Column("risk", "Risk", numeric=False, note="low, raised or high, by the rules named under Reasons"): lambda entry: (
        text(None if entry is None else entry.risk.level)
    ),
    Column("reasons", "Reasons", numeric=False, wide=True, broad=True): lambda entry: text(
        None if entry is None else "; ".join(entry.risk.reasons)
    ),
}


def scale_table(audits: Sequence[Audited], sections: bool = True) -> Table:
    """Every scale and mode that was tried, run or not; a section per backbone where `sections`."""
    tried = [(one, entry) for one in audits if one.audit is not None for entry in one.audit.scales]
    return Table(
        name="scales",
        title="Audit by scale and mode",
        caption="Forward passes over one fixed micro-batch, for every scale and mode; nothing was trained. A row of "
        "high risk is tinted.",
        columns=[Column("k", "k"), Column("mode", "Mode", numeric=False), *RISK, *measured_columns()],
        rows=[
            Row(
                {
                    "k": Value(f"{entry.k:g}", entry.k),
                    "mode": text(series_title(entry)),
                    **values_of(RISK, entry),
                    **measured(entry),
                },
                one.title if sections else "",
                "high" if entry.risk.level == "high" else "",
                one.name,
            )
            for one, entry in tried
        ],
    )


MODES: Columns[[ModeFound]] = {
    Column("mode", "Mode", numeric=False): lambda entry: text(entry.mode),
    Column("status", "Status", numeric=False): lambda entry: text(entry.status),
    Column("logit_error", "Logit error"): lambda entry: number(entry.logit_error, "fine"),
    Column("note", "Note", numeric=False, wide=True): lambda entry: text(entry.note or None, note="nothing to add"),
}


def mode_table(audits: Sequence[Audited], sections: bool = True) -> Table:
    """What each rescale mode does to the head's function."""
    found = [(one, entry) for one in audits if one.audit is not None for entry in one.audit.modes]
    return Table(
        name="modes",
        title="Rescale modes",
        caption="Relative error of the rescaled model's logits against z/k at k = 16, bias divided. Exact: equal. "
        "Error: the mode changes more than the head. Refused: the head cannot have it.",
        columns=list(MODES),
        rows=[
            Row(
                values_of(MODES, entry),
                one.title if sections else "",
                "absent" if entry.status == "refused" else "",
                one.name,
            )
            for one, entry in found
        ],
    )


PREDICTED: Columns[[str, Prediction]] = {
    Column("rule", "Rule", numeric=False): lambda rule, prediction: text(rule),
    Column("predicted_k", "computed", "Predicted k"): lambda rule, prediction: number(prediction.k, "size"),
    Column("predicted_power", "used", "Predicted k", note="power of two"): lambda rule, prediction: Value(
        str(prediction.power), prediction.power
    ),
}
"""A rule, its k as computed and the power of two that is used."""
REASONS: Columns[[str, Prediction]] = {
    Column("target", "Target", numeric=False, wide=True): lambda rule, prediction: text(prediction.target),
    Column("note", "Note", numeric=False, wide=True): lambda rule, prediction: text(
        prediction.note or None, note="nothing to add"
    ),
}


def predicted_table(audits: Sequence[Audited], sections: bool = True) -> Table:
    """The k of every rule, without any run."""
    columns = {**PREDICTED, **REASONS}
    return Table(
        name="predicted",
        title="Predicted k",
        caption="The scale factor that each rule takes from the audit, and the power of two that is used for it.",
        columns=list(columns),
        rows=[
            Row(values_of(columns, rule, prediction), one.title if sections else "", key=one.name)
            for one in audits
            for rule, prediction in predictions(one.audit)
        ],
    )
