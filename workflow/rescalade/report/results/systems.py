"""Every system of an experiment side by side: what others have made, BM25, and the best of what was trained here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from rescalade.config import Config
from rescalade.report.results.labels import backbone_title, variant_title
from rescalade.report.results.load import Given, Results, Source, per_query
from rescalade.report.results.numbers import Spread
from rescalade.report.results.summary import ScoresBySet, Summary

Origin = Literal["baseline", "ready", "given", "trained"]
ORIGINS: Mapping[Origin, str] = {
    "baseline": "no model",
    "ready": "taken as it is",
    "given": "ranked by others",
    "trained": "trained here",
}
BM25 = "bm25"


@dataclass(frozen=True)
class System:
    """One system.

    key: its name in tables. scores: of each run by data set, a run per seed. sources: where their values per query
    are. facts: what is to be said of it on a data set.
    """

    key: str
    title: str
    origin: Origin
    scores: tuple[ScoresBySet, ...]
    sources: tuple[Source, ...]

    def spread(self, dataset: str, name: str) -> Spread:
        """A measure on a data set over seeds."""
        return Spread.of(found[dataset].metrics.get(name, math.nan) for found in self.scores if dataset in found)

    def measured_on(self, dataset: str) -> bool:
        """Whether there are scores on a data set."""
        return any(dataset in found for found in self.scores)

    def per_query(self, results: Results, dataset: str, name: str) -> pd.Series | None:
        """[queries] a measure on a data set, averaged over seeds, by the query's id; None where it is missing."""
        tables = [per_query(results, source, dataset) for source in self.sources]
        known = [table for table in tables if table is not None and name in table]
        if not known:
            return None
        values = [table.set_index(table["query_id"].astype(str))[name].astype(float).fillna(0.0) for table in known]
        return pd.concat(values, axis=1, join="inner").mean(axis=1)


def systems(summary: Summary) -> list[System]:
    """BM25, models and rankings of others in the order of the configuration, then each backbone's best variant."""
    results, config = summary.results, summary.config
    found = [System(BM25, "BM25", "baseline", (results.bm25,), (BM25,))]
    for run in config.ready():
        title = backbone_title(config, run.backbone)
        found.append(System(run.backbone, title, "ready", (results.ready.get(run.backbone, {}),), (run,)))
    for name in config.experiment.runs:
        found.append(System(name, given_title(config, name), "given", (results.given.get(name, {}),), (Given(name),)))
    for name in config.backbones():
        best = summary.best(name)
        if best is not None:
            title = f"{backbone_title(config, name)}, {variant_title(best.variant)}"
            scores, sources = tuple(run.scores for run in best.made), tuple(run.run for run in best.made)
            found.append(System(f"{name}/{best.variant.name}", title, "trained", scores, sources))
    return found


def given_title(config: Config, name: str) -> str:
    """What tables call a run of others."""
    return config.experiment.runs[name].title or name


def has_others(config: Config) -> bool:
    """Whether an experiment shows what others have made."""
    return bool(config.experiment.models or config.experiment.runs)
