"""The main table, by backbone and variant, and the same by run."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from rescalade.objective.collapse import DEGENERATE_COSINE
from rescalade.report.results.labels import backbone_title, variant_title
from rescalade.report.results.load import RunResult
from rescalade.report.results.numbers import Style, as_float, listed, plural
from rescalade.report.results.summary import (
    COLLAPSED,
    PRIMARY,
    SECONDARY,
    Cell,
    Summary,
    Unit,
    measure,
    sparsity,
    unit_measure,
)
from rescalade.report.tables.row_norms import audited_norm
from rescalade.report.tables.table import Column, Row, Table, Value, number, spread, text
from rescalade.report.tables.verdicts import NOT_RUN, verdict_of, verdict_value
from rescalade.scoring.measures import Measure, tabulated

BEST = "\N{BLACK STAR} best"
NOTES = [
    "Verdicts, declared before running: dead, fewer than 1 active document term on average; saturated, more than "
    f"half of the vocabulary active; degenerate, mean pairwise cosine of documents above {DEGENERATE_COSINE}; "
    "non-finite, a loss "
    "that is not a number; lost, in-domain MRR@10 below half of the same backbone's best k. Two steps stand where "
    "two seeds collapsed at different steps.",
    "Active terms and FLOPS are those of the first in-domain set.",
]
SIZES = ("active_query", "active_document", "flops")
VERDICT = Column("verdict", "Verdict", numeric=False, wide=True)
Pick = Callable[[RunResult], float]


def main_table(summary: Summary, backbone: str | None = None) -> Table:
    """Mean ± sd over seeds for every cell, of one backbone or of all, with BM25 below."""
    rows = []
    for cell in summary.cells:
        if backbone in (None, cell.backbone):
            rows.append(_cell_row(summary, cell))
    rows += _bm25_row(summary, by_run=False)
    seeds = len(summary.config.experiment.seeds)
    return Table(
        name="main" if backbone is None else f"main-{backbone}",
        title="Effectiveness and sparsity by backbone and variant",
        caption=(
            f"Mean over {plural(seeds, 'seed')}{' ± standard deviation' if seeds > 1 else ''} by backbone and variant. "
            "The best k of each backbone in-domain is bold and starred; a collapsed row says so under Verdict."
        ),
        columns=[
            Column("variant", "Scale and mode", numeric=False),
            VERDICT,
            Column("seeds", "Seeds", note="runs that were made"),
            *_columns(summary, sd=True),
        ],
        rows=rows,
        notes=NOTES,
    )


def run_table(summary: Summary, backbone: str | None = None) -> Table:
    """Every run on its own, nothing averaged."""
    rows = [_run_row(summary, run) for run in summary.results.runs if backbone in (None, run.run.backbone)]
    rows += _bm25_row(summary, by_run=True)
    return Table(
        name="runs" if backbone is None else f"runs-{backbone}",
        title="Every run",
        caption="One row per run, nothing averaged. Failed, collapsed and missing runs stay in the table.",
        columns=[
            Column("variant", "Scale and mode", numeric=False),
            Column("seed", "Seed"),
            VERDICT,
            *_columns(summary, sd=False),
            Column("last_loss", "last", "Loss", note="training loss at the last step"),
            Column("skipped_steps", "Skipped steps", note="optimiser steps left out because of non-finite gradients"),
            Column("vectors", "Vectors", numeric=False, note="what encoding met: ok, dead, saturated or non-finite"),
        ],
        rows=rows,
        notes=NOTES,
    )


def _measures(summary: Summary, dataset: str) -> list[Measure]:
    """What the table shows of an in-domain set."""
    return tabulated(summary.config.dataset(dataset))


def variant_value(cell: Cell, best: bool) -> Value:
    """`k = 16, tied ★ best`; CSV gets k16."""
    return text(variant_title(cell.variant), mark=BEST if best else "", strong=best, raw=cell.variant.name)


def _columns(summary: Summary, sd: bool) -> list[Column]:
    config = summary.config
    columns = [
        Column("row_norm_before", "before", "Row norm", note="mean L2 norm of the rows of W, before division"),
        Column("row_norm_after", "divided", "Row norm", note="after division by k, before training"),
        Column("row_norm_trained", "trained", "Row norm", sd=sd, note="after the last training step"),
        Column("step0_loss", "Loss at step 0", sd=sd, note="ranking loss of the first step; both lambdas start at 0"),
    ]
    for dataset in config.experiment.in_domain:
        title = f"In-domain: {config.title('dataset', dataset)}"
        columns += [
            Column(f"{dataset}_{shown.name}", shown.short, title, sd=sd) for shown in _measures(summary, dataset)
        ]
    if summary.units:
        title = f"Out-of-domain, {SECONDARY}"
        columns.append(Column("ood_mean", "mean", title, sd=sd, note="plain mean over the columns to the right"))
        columns += [Column(f"ood_{unit.title}", unit.title, title, sd=sd) for unit in summary.units]
    columns += [
        Column("active_query", "query", "Active terms", sd=sd, note="terms of a query with a weight above 0"),
        Column("active_document", "document", "Active terms", sd=sd, note="terms of a document with a weight above 0"),
        Column("flops", "FLOPS", sd=sd, note="expected multiplications per query-document pair"),
    ]
    return columns


def _cell_row(summary: Summary, cell: Cell) -> Row:
    best = summary.best(cell.backbone) is cell
    values = {
        "variant": variant_value(cell, best),
        "seeds": _seeds(cell),
        **_norms(summary, cell.backbone, cell.variant.scale),
        "row_norm_trained": spread(cell.spread(trained_norm), "norm"),
        "step0_loss": spread(cell.outcome(lambda outcome: outcome.first_loss), "size"),
        "verdict": verdict_value(cell),
    }
    for key, pick in _picks(summary).items():
        style: Style = "size" if key in SIZES else "measure"
        strong = best and (key.endswith(PRIMARY) or key == "ood_mean")
        values[key] = spread(cell.spread(pick), style, strong)
    kind = "absent" if not cell.made else "collapsed" if cell.collapsed else "best" if best else ""
    values["best"] = text("yes" if best else "no")
    return Row(values, backbone_title(summary.config, cell.backbone), kind, cell.backbone)


def _run_row(summary: Summary, run: RunResult) -> Row:
    outcome = run.outcome
    values = {
        "variant": text(variant_title(run.run.variant), raw=run.run.variant.name),
        "seed": Value(str(run.run.seed), run.run.seed),
        **_norms(summary, run.run.backbone, run.run.variant.scale),
        "row_norm_trained": number(trained_norm(run), "norm"),
        "step0_loss": number(None if outcome is None else outcome.first_loss, "size"),
        "last_loss": number(None if outcome is None else outcome.last_loss, "size"),
        "skipped_steps": number(None if outcome is None else outcome.skipped_steps, "count"),
        "verdict": verdict_of([run], [summary.verdict(run)]),
        "vectors": text(_encoded(run)),
    }
    for key, pick in _picks(summary).items():
        style: Style = "size" if key in SIZES else "measure"
        values[key] = number(pick(run), style)
    verdict = summary.verdict(run)
    kind = "absent" if verdict is None else "collapsed" if verdict in COLLAPSED else ""
    return Row(values, backbone_title(summary.config, run.run.backbone), kind, run.run.backbone)


def _encoded(run: RunResult) -> str | None:
    """States of the encoded data sets: one word where all agree, else each with its sets; None where none is scored."""
    states: dict[str, list[str]] = {}
    for name, found in run.scores.items():
        if found.encoding is not None:
            states.setdefault(found.encoding.state, []).append(name)
    if len(states) == 1:
        return next(iter(states))
    return "; ".join(f"{state}: {listed(names)}" for state, names in sorted(states.items())) or None


def trained_norm(run: RunResult) -> float:
    """Mean row norm of W at the last step of training."""
    if run.history is None or run.history.empty or "row_norm" not in run.history:
        return math.nan
    return as_float(run.history["row_norm"].iloc[-1])


def _norms(summary: Summary, backbone: str, scale: float) -> dict[str, Value]:
    """The audited row norm, and the same divided by k: exact, since every row is divided."""
    before = audited_norm(summary, backbone)
    after = before / scale if scale > 0 else math.nan  # 0: a rule has not chosen k yet
    return {"row_norm_before": number(before, "norm"), "row_norm_after": number(after, "norm")}


def _picks(summary: Summary) -> dict[str, Pick]:
    """Column to the function that takes its value from a run."""
    experiment = summary.config.experiment
    picks: dict[str, Pick] = {
        f"{dataset}_{shown.name}": partial(_measure, dataset, shown.name)
        for dataset in experiment.in_domain
        for shown in _measures(summary, dataset)
    }
    if summary.units:
        picks["ood_mean"] = summary.out_of_domain
    for unit in summary.units:
        picks[f"ood_{unit.title}"] = partial(_unit, unit)
    first = experiment.in_domain[0]
    for key in ("active_query", "active_document", "flops"):
        picks[key] = partial(_sparsity, first, key)
    return picks


def _measure(dataset: str, name: str, run: RunResult) -> float:
    return measure(run.scores.get(dataset), name)


def _unit(unit: Unit, run: RunResult) -> float:
    return unit_measure(run.scores.get(unit.dataset), unit, SECONDARY)


def _sparsity(dataset: str, key: str, run: RunResult) -> float:
    return sparsity(run.scores.get(dataset), key)


def _bm25_row(summary: Summary, by_run: bool) -> list[Row]:
    found = summary.results.bm25
    if not found:
        return [Row({"variant": text("BM25"), "verdict": text(NOT_RUN)}, "Baseline", "absent", "bm25")]
    values = {"variant": text("BM25"), "verdict": text("no training")}
    for key, value in bm25_values(summary).items():
        values[key] = number(value)
    return [Row(values, "Baseline", "baseline", "bm25")]


def bm25_values(summary: Summary) -> dict[str, float]:
    """BM25's measures by the column keys of the main table."""
    found = summary.results.bm25
    values = {
        f"{dataset}_{shown.name}": measure(found.get(dataset), shown.name)
        for dataset in summary.config.experiment.in_domain
        for shown in _measures(summary, dataset)
    }
    if summary.units:
        values["ood_mean"] = summary.bm25_out_of_domain()
    for unit in summary.units:
        values[f"ood_{unit.title}"] = unit_measure(found.get(unit.dataset), unit, SECONDARY)
    return values


def _seeds(cell: Cell) -> Value:
    made, planned = len(cell.made), len(cell.runs)
    shown = str(made) if made == planned else f"{made} of {planned}"
    return Value(shown, made, note="" if made == planned else f"{planned - made} not run")
