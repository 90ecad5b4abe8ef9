"""What runs begin with against how they ended: a border per predictor, and the start of every cell."""

from __future__ import annotations

from scipy.stats import binomtest

from rescalade.report.results.labels import backbone_title, variant_title
from rescalade.report.results.noise import CONFIDENCE
from rescalade.report.results.numbers import Style, listed, plural, written
from rescalade.report.results.step0_map import ALWAYS, Judged, Step0Map, has_map, step0_map
from rescalade.report.results.step0_states import Step0State, step0_states
from rescalade.report.results.summary import Summary
from rescalade.report.results.window import NOTHING
from rescalade.report.tables.table import Column, Entry, Row, Table, Value, number, text
from rescalade.report.tables.verdicts import verdict_value

INDEPENDENT = (
    "The interval is Clopper and Pearson's, as if runs were independent; runs of one backbone are not, those of one "
    "cell least of all, so it is too narrow."
)
UNAVOIDABLE = (
    "runs that ended as fewer did of those with the same number: no rule that knows it alone is right on all of them"
)


def map_table(summary: Summary) -> Table:
    """A row per predictor: its window, and runs on the wrong side of it."""
    found = step0_map(summary)
    return Table(
        name="step0-map",
        title="Which runs train, told from before training",
        caption=f"{plural(found.runs, 'run')} of {plural(found.cells, 'cell')}, of which {found.trained} trained. A "
        "predictor says that a run trains if and only if its number lies in a window, which is fitted to be wrong on "
        "fewest runs: on all of them, and on those of a backbone or family by a window fitted without it. "
        f"{INDEPENDENT}",
        columns=[
            Column("predictor", "Known before training", numeric=False, wide=True),
            Column("window", "Runs train where it is", numeric=False, wide=True),
            Column("errors", "wrong", "Fitted on all runs"),
            Column("unavoidable", "at least", "Fitted on all runs", note=UNAVOIDABLE),
            Column("by_backbone", "wrong", "Without the backbone"),
            Column("share", "share", "Without the backbone"),
            Column("low", "from", "Without the backbone", note="95 %"),
            Column("high", "to", "Without the backbone", note="95 %"),
            Column("by_family", "wrong", "Without the family"),
        ],
        rows=[_row(one, found) for one in found.judged],
        notes=_notes(found),
    )  # fmt: skip


def state_table(summary: Summary) -> Table:
    """A row per cell: what it began with, and what came out."""
    return Table(
        name="step0-states",
        title="What every cell began with",
        caption="Before the first update: loss (measured by itself, else of the first step), that loss over "
        "ln(candidates), and of the first batch of training the share of the vocabulary that is active, of texts "
        "without an active term, scores of all pairs, and cosines. Means over seeds.",
        columns=[
            Column("variant", "Scale and mode", numeric=False),
            Column("outcome", "Came out", numeric=False),
            Column("trained", "trained", "Runs"),
            Column("failed", "failed", "Runs"),
            Column("verdict", "Verdict", numeric=False, wide=True),
            Column("row_norm", "undivided", "Row norm"),
            Column("used_norm", "over k", "Row norm"),
            Column("loss", "loss", "Loss"),
            Column("units", "/ ln n", "Loss", note="over ln(candidates), the loss of telling nothing apart"),
            *(
                Column(f"{name}_{side}", f"{side}s", words)
                for name, words in (("active", "Active share"), ("empty", "Empty share"), ("cosine", "Cosine"))
                for side in SIDES
            ),
            Column("score_mean", "mean", "Scores"),
            Column("score_sd", "sd", "Scores"),
            Column("seen_sd", "sd / temp.", "Scores", note="over the temperature, as the softmax sees it"),
        ],
        rows=[_state_row(summary, state) for state in step0_states(summary)],
    )


SIDES = ("document", "query")
SHOWN: dict[str, Style] = {
    "row_norm": "norm", "used_norm": "norm", "loss": "size", "units": "fine", "active_document": "fine",
    "active_query": "fine", "empty_document": "fine", "empty_query": "fine", "cosine_document": "measure",
    "cosine_query": "measure", "score_mean": "fine", "score_sd": "fine",
    "seen_sd": "fine",
}  # fmt: skip


def _row(one: Judged, found: Step0Map) -> Row:
    predictor = one.predictor
    if predictor.key == ALWAYS.key:
        window = "no run trains" if one.box == (NOTHING,) else "every run trains"
    elif len(one.box) > 1:
        window = "; ".join(
            f"{measure.words} {window.words}" for measure, window in zip(predictor.measures, one.box, strict=True)
        )
    else:
        window = one.box[0].words
    values = {
        "predictor": text(predictor.title, raw=predictor.key),
        "window": text(window),
        "errors": number(one.errors, "count"),
        "unavoidable": number(one.unavoidable, "count"),
    }
    if one.by_backbone is not None:
        low, high = binomtest(one.by_backbone, found.runs).proportion_ci(CONFIDENCE)
        values |= {
            "by_backbone": number(one.by_backbone, "count"),
            "share": number(one.by_backbone / found.runs),
            "low": number(float(low)),
            "high": number(float(high)),
        }
    if one.by_family is not None:
        share = f"{written(one.by_family / found.runs)} of all runs"
        values |= {"by_family": number(one.by_family, "count", note=share)}
    return Row(values, kind="baseline" if predictor.key == ALWAYS.key else "", key=predictor.key)


def _notes(found: Step0Map) -> list[str]:
    families = plural(len(found.families), "family").replace("familys", "families")
    notes = [
        f"{plural(found.backbones, 'backbone')} of {families} ({', '.join(found.families)}). A run counts as one, "
        f"whatever the others of its cell did; the seeds of {plural(found.mixed, 'cell')} disagree.",
        "A backbone that is left out may have been made of one that is not, with another norm or offset; a family that "
        "is left out shares nothing with the other but text and recipe.",
    ]
    if found.unknown:
        notes.append(f"Left out, not known of every cell: {listed(found.unknown)}.")
    return notes


def _state_row(summary: Summary, state: Step0State) -> Row:
    cell = state.cell
    values: dict[str, Value] = {key: number(getattr(state, key), style) for key, style in SHOWN.items()}
    values |= {
        "variant": text(variant_title(cell.variant), raw=cell.variant.name),
        "outcome": text(state.outcome),
        "trained": number(state.trained, "count"),
        "failed": number(state.failed, "count"),
        "verdict": verdict_value(cell),
    }
    kind = "" if state.outcome == "trains" else "absent" if state.outcome == "not run" else "collapsed"
    return Row(values, backbone_title(summary.config, cell.backbone), kind, cell.backbone)


ENTRIES = (
    Entry(map_table, order=51, explained=2, wanted=has_map),
    Entry(state_table, order=52, wanted=has_map, folded="nothing fitted"),
)
