"""Effectiveness against FLOPS where an experiment shows others along: a point per model and recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rescalade.config import Config
from rescalade.report.results.labels import backbone_title, metric, quality_words, variant_title
from rescalade.report.results.load import RunResult
from rescalade.report.results.numbers import Spread
from rescalade.report.results.summary import Summary, mean, measure, sparsity
from rescalade.report.tables.table import Column, Columns, Entry, Row, Table, Value, spread, text, values_of
from rescalade.variants import Variant


@dataclass(frozen=True)
class Point:
    """All seeds of a model under one recipe, means over the data sets; effectiveness by each set's own measure."""

    backbone: str
    variant: Variant
    recipe: str
    lambda_query: float
    lambda_document: float
    effectiveness: Spread
    flops: Spread

    @property
    def known(self) -> bool:
        """Whether there is anything to draw; a model without a single active term in common has no FLOPS."""
        return self.effectiveness.mean is not None and (self.flops.mean or 0.0) > 0


def tradeoff_points(summary: Summary) -> list[Point]:
    """One point per backbone, variant and recipe, the weakest regulariser first.

    None where no other experiment is shown along and no variant has lambdas of its own.
    """
    config = summary.config
    if not config.experiment.also and all(cell.variant == without_lambdas(cell.variant) for cell in summary.cells):
        return []
    grouped: dict[tuple[str, Variant, str], list[RunResult]] = {}
    for result in (*summary.results.runs, *summary.results.others):
        grouped.setdefault((result.run.backbone, result.run.variant, result.run.recipe), []).append(result)
    points = [_point(config, key, runs) for key, runs in grouped.items()]
    order = {name: place for place, name in enumerate(config.backbones())}
    return sorted(
        points, key=lambda p: (order[p.backbone], p.variant.mode, without_lambdas(p.variant), p.lambda_document)
    )


def without_lambdas(variant: Variant) -> Variant:
    """The variant with the recipe's lambdas, if it has others."""
    kept = tuple((name, value) for name, value in variant.over if not name.startswith("lambda_"))
    return replace(variant, over=kept)


def _point(config: Config, key: tuple[str, Variant, str], runs: Sequence[RunResult]) -> Point:
    backbone, variant, recipe = key
    settings = config.run_settings(runs[0].run)
    datasets = config.test_sets()
    return Point(
        backbone,
        variant,
        recipe,
        settings.lambda_query,
        settings.lambda_document,
        Spread.of(mean([measure(run.scores.get(name), metric(config, name)) for name in datasets]) for run in runs),
        Spread.of(mean([sparsity(run.scores.get(name), "flops") for name in datasets]) for run in runs),
    )


def effectiveness_label(summary: Summary) -> str:
    """Name of the measure, or of the mean of measures, that a point shows."""
    return quality_words(summary.config, summary.config.test_sets())


def tradeoff_table(summary: Summary) -> Table:
    """Effectiveness and FLOPS of every model and recipe: the points of the figure."""
    columns: Columns[[Point]] = {
        Column("variant", "Variant", numeric=False): lambda point: text(
            variant_title(point.variant), raw=point.variant.name
        ),
        Column("recipe", "Recipe", numeric=False): lambda point: text(point.recipe),
        Column("lambda_query", "λ query"): lambda point: Value(f"{point.lambda_query:g}", point.lambda_query),
        Column("lambda_document", "λ document"): lambda point: Value(
            f"{point.lambda_document:g}", point.lambda_document
        ),
        Column("effectiveness", effectiveness_label(summary), sd=True): lambda point: spread(point.effectiveness),
        Column("flops", "FLOPS", sd=True, note="expected multiplications per query-document pair"): lambda point: (
            spread(point.flops, "size")
        ),
    }
    return Table(
        name="tradeoff",
        title="Effectiveness against FLOPS",
        caption=f"Effectiveness ({effectiveness_label(summary)}) and FLOPS, plain means over "
        f"{len(summary.config.test_sets())} data sets.",
        columns=list(columns),
        rows=[
            Row(
                values_of(columns, point),
                section=backbone_title(summary.config, point.backbone),
                key=point.backbone,
                kind="" if point.known else "absent",
            )
            for point in tradeoff_points(summary)
        ],
    )


ENTRIES = (Entry(tradeoff_table, order=20, wanted=lambda summary: bool(tradeoff_points(summary))),)
