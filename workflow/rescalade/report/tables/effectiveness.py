"""The main table, by backbone and variant, and every run by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rescalade.objective.collapse import VERSION, definitions
from rescalade.pipeline.rows.runs import UNTRAINED_TERMS
from rescalade.report.results.labels import backbone_title, preparation, variant_title
from rescalade.report.results.load import RunResult
from rescalade.report.results.numbers import Spread, listed, plural
from rescalade.report.results.paired import Domain
from rescalade.report.results.summary import COLLAPSED, Cell, ScoresBySet, Summary
from rescalade.report.results.systems import given_title
from rescalade.report.tables.comparisons import comparisons, significant
from rescalade.report.tables.measured import measured
from rescalade.report.tables.row_norms import audited_norm
from rescalade.report.tables.table import Column, Entry, Row, Table, Value, number, spread, text
from rescalade.report.tables.verdicts import NOT_RUN, verdict_of, verdict_value
from rescalade.scoring.significance import LEVEL
from rescalade.variants import Variant

BY_OTHERS = "by others"
"""In place of a verdict: nobody here has seen its training."""
BEST = "\N{BLACK STAR} best"
LETTERS = {"k1": "k", "bm25": "b"}
"""Superscripts of a quality that differs significantly, by what it differs from."""
Marks = Mapping[tuple[str, str, Domain], Sequence[str]]
VERDICT = Column("verdict", "Verdict", numeric=False, wide=True)
STEP0 = "Loss at step 0"
_STEP0_COLUMNS = (
    Column("step0_mean", "mean", STEP0, note="over up to 64 micro-batches before any training, without a run"),
    Column("step0_error", "s.e.", STEP0, note="standard error of that mean, over micro-batches"),
)


def main_table(summary: Summary, backbone: str | None = None) -> Table:
    """Mean ± sd over seeds for every cell, of one backbone or of all, with what they are held against below."""
    rows = []
    marks = significant(summary) if backbone is None else {}
    for cell in summary.cells:
        if backbone in (None, cell.backbone):
            rows.append(_cell_row(summary, cell, marks))
    rows += _reference_rows(summary, backbone)
    seeds = len(summary.config.experiment.seeds)
    return Table(
        name="main" if backbone is None else f"main-{backbone}",
        title="Effectiveness and sparsity by backbone and variant",
        caption=(
            f"Mean over {plural(seeds, 'seed')}{' ± standard deviation' if seeds > 1 else ''} by backbone and variant. "
            f"The best k of each backbone{'' if summary.chosen_apart else ' in-domain'} is bold and starred, "
            f"{summary.choice_words}; a collapsed row says so under Verdict. " + _marks_words(summary, backbone)
        ),
        columns=[
            Column("variant", "Scale and mode", numeric=False),
            VERDICT,
            Column("seeds", "Seeds", note="runs that were made"),
            *_columns(summary, sd=True),
        ],
        rows=rows,
        notes=_notes(summary),
    )


def run_table(summary: Summary, backbone: str | None = None) -> Table:
    """Every run on its own, nothing averaged."""
    rows = [_run_row(summary, run) for run in summary.results.runs if backbone in (None, run.run.backbone)]
    rows += _reference_rows(summary, backbone)
    return Table(
        name="runs" if backbone is None else f"runs-{backbone}",
        title="Every run",
        caption="One row per run, nothing averaged. Failed, collapsed and missing runs stay in the table.",
        columns=[
            Column("variant", "Scale and mode", numeric=False),
            Column("seed", "Seed"),
            VERDICT,
            *_columns(summary, sd=False),
            Column("last_loss", "last", "Loss", note="mean training loss of the last 1 % of the steps"),
            Column("skipped_steps", "Skipped steps", note="optimiser steps left out because of non-finite gradients"),
            Column("vectors", "Vectors", numeric=False, note="what encoding met: ok, non-finite, dead or saturated"),
        ],
        rows=rows,
        notes=_notes(summary),
    )


def _notes(summary: Summary) -> list[str]:
    quality = summary.in_domain_label
    return [
        f"Verdicts by the declared definitions, version {VERSION}: {'; '.join(definitions())}; "
        f"lost: trained by these, and in-domain {quality} below half of the same backbone's best k, below half of "
        "BM25 or below the untrained backbone. Two steps stand where two seeds collapsed at different steps.",
        "Active terms and FLOPS are those of the first in-domain set.",
        "Untrained: the backbone undivided and before any training, encoded as its runs are, of every text the "
        f"{UNTRAINED_TERMS} heaviest terms. Random: every text has random terms with random weights.",
    ]


def variant_value(cell: Cell, best: bool) -> Value:
    """`k = 16, tied ★ best`; CSV gets k16."""
    return text(variant_title(cell.variant), mark=BEST if best else "", strong=best, raw=cell.variant.name)


def _columns(summary: Summary, sd: bool) -> list[Column]:
    return [
        *(item.column for item in measured(summary, sd)),
        Column("row_norm_before", "before", "Row norm", note="mean L2 norm of the rows of W, before division"),
        Column(
            "row_norm_after",
            "at step 0",
            "Row norm",
            note="as training finds W: divided by k, or whole where the mode divides elsewhere (folded, multiplier)",
        ),
        Column("row_norm_trained", "trained", "Row norm", sd=sd, note="after the last training step"),
        Column("step0_loss", "first step", STEP0, sd=sd, note="ranking loss; both lambdas start at 0"),
        *(_STEP0_COLUMNS if sd else ()),
    ]


def _marks_words(summary: Summary, backbone: str | None) -> str:
    """What the superscripts of the main table mean; a backbone's own page knows only its own comparisons."""
    if backbone is not None:
        return "Which differences are significant stands on the page of the experiment, beside all others."
    return (
        f"Superscripts: the quality differs from that of k = 1 of the same backbone ({LETTERS['k1']}) or of BM25 "
        f"({LETTERS['bm25']}), for better or worse, by paired tests over queries at {LEVEL:g} after Holm's correction "
        f"over the {plural(len(comparisons(summary)), 'comparison')} of the table below."
    )


def _cell_row(summary: Summary, cell: Cell, marks: Marks) -> Row:
    best = summary.is_best(cell)
    values = {
        "variant": variant_value(cell, best),
        "seeds": _seeds(cell),
        **_norms(summary, cell.backbone, cell.variant, cell.outcome(lambda outcome: outcome.row_norm_before).mean),
        "row_norm_trained": spread(cell.spread(trained_norm), "norm"),
        "step0_loss": spread(cell.outcome(lambda outcome: outcome.first_loss), "size"),
        **_measured_step0(summary, cell),
        "verdict": verdict_value(cell),
    }
    for item in measured(summary):
        value = Spread.of(item.value(run.scores) for run in cell.made)
        found = marks.get((cell.backbone, cell.variant.name, item.quality), ()) if item.quality else ()
        differs = {key: LETTERS[key] for key in found}
        values[item.column.key] = spread(value, item.style, best and item.decides, differs)
    kind = "absent" if not cell.made else "collapsed" if cell.collapsed else "best" if best else ""
    values["best"] = text("yes" if best else "no")
    return Row(values, backbone_title(summary.config, cell.backbone), kind, cell.backbone)


def _run_row(summary: Summary, run: RunResult) -> Row:
    outcome = run.outcome
    values = {
        "variant": text(variant_title(run.run.variant), raw=run.run.variant.name),
        "seed": Value(str(run.run.seed), run.run.seed),
        **_norms(summary, run.run.backbone, run.run.variant, None if outcome is None else outcome.row_norm_before),
        "row_norm_trained": number(trained_norm(run), "norm"),
        "step0_loss": number(None if outcome is None else outcome.first_loss, "size"),
        "last_loss": number(None if outcome is None else outcome.last_loss, "size"),
        "skipped_steps": number(None if outcome is None else outcome.skipped_steps, "count"),
        "verdict": verdict_of([run], [summary.verdict(run)]),
        "vectors": text(_encoded(run.scores)),
    }
    values |= {item.column.key: number(item.value(run.scores), item.style) for item in measured(summary)}
    verdict = summary.verdict(run)
    kind = "absent" if verdict is None else "collapsed" if verdict in COLLAPSED else ""
    return Row(values, backbone_title(summary.config, run.run.backbone), kind, run.run.backbone)


def _encoded(scores: ScoresBySet) -> str | None:
    """States of the encoded data sets: one word where all agree, else each with its sets; None where none is scored."""
    states: dict[str, list[str]] = {}
    for name, found in scores.items():
        if found.encoding is not None:
            states.setdefault(found.encoding.state, []).append(name)
    if len(states) == 1:
        return next(iter(states))
    return "; ".join(f"{state}: {listed(names)}" for state, names in sorted(states.items())) or None


def trained_norm(run: RunResult) -> float:
    """Mean row norm of W at the last step of training."""
    return math.nan if run.history is None or run.history.empty else float(run.history["row_norm"].iloc[-1])


def _norms(summary: Summary, backbone: str, variant: Variant, measured: float | None) -> dict[str, Value]:
    """The audited row norm, and what training measured of W before its first step; of no run, what it will find."""
    before = audited_norm(summary, backbone)
    after = measured
    if after is None:
        divisor = variant.scale if variant.divides_matrix else 1.0
        after = before / divisor if divisor > 0 else math.nan  # 0: a rule has not chosen k yet
    return {"row_norm_before": number(before, "norm"), "row_norm_after": number(after, "norm")}


def _measured_step0(summary: Summary, cell: Cell) -> dict[str, Value]:
    found = summary.results.step0.get((cell.backbone, cell.variant))
    if found is None:
        return {}
    note = f"over {found.batches} micro-batches of {found.queries} queries"
    error = number(found.standard_error, "size")
    return {"step0_mean": number(found.loss, "size", note=note), "step0_error": error}


def _reference_rows(summary: Summary, backbone: str | None) -> list[Row]:
    """BM25, the backbones before any training, what others have made, and random vectors."""
    results, config = summary.results, summary.config
    rows = [_reference_row(summary, results.bm25, text("BM25"), "bm25")]
    for run in config.untrained():
        if backbone in (None, run.backbone):
            words = [backbone_title(config, run.backbone), *preparation(run.variant), "untrained"]
            title = text(", ".join(words), raw="-".join(["untrained", *preparation(run.variant)]))
            found = summary.untrained(run.backbone, run.variant.adapted)
            rows.append(_reference_row(summary, found, title, run.backbone))
    for name in config.experiment.models if backbone is None else ():
        title = text(backbone_title(config, name), raw=name)
        rows.append(_reference_row(summary, results.ready.get(name, {}), title, name, BY_OTHERS))
    for name in config.experiment.runs if backbone is None else ():
        title = text(given_title(config, name), raw=name)
        rows.append(_reference_row(summary, results.given.get(name, {}), title, name, BY_OTHERS))
    return [*rows, _reference_row(summary, results.random, text("Random"), "random")]


def _reference_row(summary: Summary, found: ScoresBySet, title: Value, key: str, trained: str = "no training") -> Row:
    if not found:
        return Row({"variant": title, "verdict": text(NOT_RUN)}, "Baseline", "absent", key)
    values = {"variant": title, "verdict": text(trained), "vectors": text(_encoded(found))}
    values |= {item.column.key: number(item.value(found), item.style) for item in measured(summary)}
    return Row(values, "Baseline", "baseline", key)


def _seeds(cell: Cell) -> Value:
    made, planned = len(cell.made), len(cell.runs)
    shown = str(made) if made == planned else f"{made} of {planned}"
    return Value(shown, made, note="" if made == planned else f"{planned - made} not run")


ENTRIES = (Entry(main_table, order=10), Entry(run_table, order=70, folded="nothing averaged"))
