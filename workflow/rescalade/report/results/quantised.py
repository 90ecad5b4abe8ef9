"""Runs evaluated under several quantisations: effectiveness, speed and memory of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from rescalade.pipeline.graph import output
from rescalade.quantisation import Quantisation
from rescalade.report.results.load import RunResult, scores_of
from rescalade.report.results.numbers import Spread
from rescalade.report.results.summary import Summary
from rescalade.speed import Speed
from rescalade.variants import Variant


@dataclass(frozen=True)
class QuantisedCell:
    """All seeds of a backbone and variant under one quantisation.

    quality, out_of_domain: of those that were scored. change: of in-domain quality from the way that the other tables
    show, seed by seed; None for that way itself. speeds: of the seeds that were timed.
    """

    backbone: str
    variant: Variant
    quantise: Quantisation
    quality: Spread
    out_of_domain: Spread
    change: Spread | None
    speeds: tuple[Speed, ...]

    def speed(self, kind: str, compiled: bool = False) -> float | None:
        """Mean over seeds of a rate; None where it was not measured."""
        rates = [found.compiled if compiled else found.plain for found in self.speeds]
        values = [float(getattr(rate, kind)) for rate in rates if rate is not None]
        return fmean(values) if values else None

    def megabytes(self, kind: str) -> float | None:
        """Mean over seeds of weights_bytes or device_peak_bytes, in MB of 2^20 bytes."""
        values = [value / 2**20 for found in self.speeds if (value := getattr(found, kind)) is not None]
        return fmean(values) if values else None


def quantised_cells(summary: Summary) -> list[QuantisedCell]:
    """By cell of the experiment: the way of the other tables, then the further ones in the order of the file."""
    config = summary.config
    ways = config.quantisations()
    return [_cell(summary, runs.backbone, runs.variant, runs.runs, how) for runs in summary.cells for how in ways]


def _cell(
    summary: Summary, backbone: str, variant: Variant, runs: Sequence[RunResult], how: Quantisation
) -> QuantisedCell:
    config, paths = summary.config, summary.results.paths
    made = [result for result in runs if result.made]
    shown = config.model.retrieval.quantise
    scores = [
        result.scores if how == shown else scores_of(paths, result.run.quantised(how), config.test_sets())
        for result in made
    ]
    quality = [summary.in_domain_quality(found) for found in scores]
    before = [summary.in_domain(result) for result in made]
    files = [
        output(paths, "speed", "speed", run=result.run.quantised(how).folder, dataset=config.experiment.in_domain[0])
        for result in made
    ]
    return QuantisedCell(
        backbone,
        variant,
        how,
        Spread.of(quality),
        Spread.of(summary.out_of_domain_quality(found) for found in scores),
        None if how == shown else Spread.of(now - then for now, then in zip(quality, before, strict=True)),
        tuple(found for path in files if (found := Speed.read_or_none(path)) is not None),
    )
