"""What audits say, as tables: by scale and mode, by mode, and the k that each rule predicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rescalade.audit.rules import START_SD
from rescalade.audited import Audit, ModeFound, Prediction, Tried, TriedOffset
from rescalade.config.default_rule import DEFAULT_RULE, FITTED_ON
from rescalade.report.results.advice import start
from rescalade.report.results.audit_read import predictions, series_title
from rescalade.report.results.known import ALIKE, alike, in_words, reference
from rescalade.report.results.numbers import Style, listed
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
    ("pooled_positive", "above 0", "Pooled logits", "fine", "share of (document, term) pairs"),
    ("first_token", "first token", "Pooled logits", "measure", "share whose maximum stands there; [CLS] and the like"),
    ("last_token", "last token", "Pooled logits", "measure", "share whose maximum stands there; [SEP] and the like"),
    ("offset_mean", "offset, mean", "Pooled logits", "size", "over terms, of a term's mean over documents"),
    ("offset_sd", "offset, sd", "Pooled logits", "size", "over terms, of a term's mean over documents"),
)
"""Key, heading, heading above it, digits and explanation of what is measured at every scale."""


ALIKE_NOTE = (
    f"runs kept whose scores spread within a factor of {ALIKE:g} of these, cells of the paper whose loss was within it"
)
START_NOTE = (
    f"standard deviation of the scores over the temperature, against the window of {START_SD[0]:g} to {START_SD[1]:g} "
    "that fits 2x128 models; no border for every model"
)


@dataclass(frozen=True)
class Audited:
    """A backbone and its audit, None where there is none. hub_id: owner/name on the hub, where it is known.

    temperature: of the loss that was audited.
    """

    name: str
    title: str
    audit: Audit | None
    hub_id: str | None = None
    temperature: float = 1.0


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


def known_outcomes(entry: Tried, audit: Audit, temperature: float) -> str:
    """Of the runs kept and the paper's cells, how many of those that began alike trained."""
    return in_words(alike(entry, audit.text.documents, reference(), temperature))


WARNINGS: Columns[[Tried | None, Audit, float]] = {
    Column("start", "Start", numeric=False, note=START_NOTE): lambda entry, audit, temperature: text(
        None if entry is None else start(entry, temperature)
    ),
    Column(
        "alike", "Known runs that began alike", numeric=False, wide=True, note=ALIKE_NOTE
    ): lambda entry, audit, temperature: text(None if entry is None else known_outcomes(entry, audit, temperature)),
    Column("warnings", "Warnings", numeric=False, wide=True, broad=True): lambda entry, audit, temperature: text(
        "; ".join(entry.warnings) or None if entry is not None else None, note="no rule applies"
    ),
}
"""Where a start lies, what became of known runs that began alike, and what should not be overlooked."""


def scale_table(audits: Sequence[Audited], sections: bool = True) -> Table:
    """Every scale and mode that was tried, run or not; a section per backbone where `sections`."""
    tried = [(one, one.audit, entry) for one in audits if one.audit is not None for entry in one.audit.scales]
    return Table(
        name="scales",
        title="Audit by scale and mode",
        caption="Forward passes over one fixed micro-batch, for every scale and mode; nothing was trained. A row with "
        "a warning is tinted.",
        columns=[Column("k", "k"), Column("mode", "Mode", numeric=False), *WARNINGS, *measured_columns()],
        rows=[
            Row(
                {
                    "k": Value(f"{entry.k:g}", entry.k),
                    "mode": text(series_title(entry)),
                    **values_of(WARNINGS, entry, audit, one.temperature),
                    **measured(entry),
                },
                one.title if sections else "",
                "warned" if entry.warnings else "",
                one.name,
            )
            for one, audit, entry in tried
        ],
    )


OFFSETS: Columns[[TriedOffset]] = {
    Column("offset", "c", note="standard deviations above the mean; 'none' is the head as it is"): lambda entry: (
        text("none") if entry.c is None else Value(f"{entry.c:g}", entry.c)
    ),
    Column("active_query", "query", "Active terms"): lambda entry: number(entry.active_query, "size"),
    Column("active_document", "document", "Active terms"): lambda entry: number(entry.active_document, "size"),
    Column("cosine_document", "Cosine, documents", note="mean over pairs"): lambda entry: number(entry.cosine_document),
    Column("score_mean", "mean", "Score"): lambda entry: number(entry.score_mean, "size"),
    Column("score_sd", "sd", "Score"): lambda entry: number(entry.score_sd, "size"),
    Column("step0_loss", "Loss at step 0", note="InfoNCE of the audit's micro-batch"): lambda entry: number(
        entry.step0_loss, "size"
    ),
    Column("accuracy", "Found", note="share of queries whose positive scores above all others"): lambda entry: number(
        entry.accuracy
    ),
}


def offset_table(audits: Sequence[Audited], sections: bool = True) -> Table:
    """What an offset of each term does at step 0, of the backbones of which one was tried."""
    tried = [(one, entry) for one in audits if one.audit is not None for entry in one.audit.offsets]
    counts = sorted({one.audit.offset_texts for one, _ in tried if one.audit is not None})
    return Table(
        name="offsets",
        title="Audit of offsets",
        caption="Forward passes over the audit's micro-batch, at k = 1, with each term's logit lowered by its mean "
        f"plus c standard deviations over {listed(map(str, counts))} texts; nothing was trained.",
        columns=list(OFFSETS),
        rows=[Row(values_of(OFFSETS, entry), one.title if sections else "", key=one.name) for one, entry in tried],
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
        caption="The scale factor that each rule takes from the audit, and the power of two that is used for it. Where "
        f"no rule is named, {DEFAULT_RULE} is taken: {FITTED_ON}.",
        columns=list(columns),
        rows=[
            Row(values_of(columns, rule, prediction), one.title if sections else "", key=one.name)
            for one in audits
            for rule, prediction in predictions(one.audit)
        ],
    )


def tables_of_one(one: Audited) -> list[Table]:
    """Of a single audit: scales and modes, offsets where any was tried, what modes do, and the rules' k at the end."""
    offsets = offset_table([one], sections=False)
    return [
        scale_table([one], sections=False),
        *([offsets] if offsets.rows else []),
        mode_table([one], sections=False),
        predicted_table([one], sections=False),
    ]
