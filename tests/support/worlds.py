"""Made-up worlds: results of the experiments `paper` and `paper-seeds` in which every number is what the test says.

Values come from the published file; a `Change` says how a world departs from it. Per query, a value is the world's
number plus a pattern that all systems of a data set share, so that paired differences are what the numbers say.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from rescalade.config import Config, Run, load_config
from rescalade.history import COLUMNS, HISTORY, write_history
from rescalade.objective.collapse import VERSION
from rescalade.outcome import Outcome, VerdictName
from rescalade.paths import Paths
from rescalade.published import Published, load_published
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from rescalade.scoring.scores import Scores
from support.synthetic_audits import invented_audit

MEASURES = ("MRR@10", "nDCG@10", "Recall@1000")
BM25 = {"msmarco-dev": 0.184, "trec-dl19": 0.506, "beir": 0.437}
"""The published CSPLADE row."""
FAMILIES = {"albert-base": "albert", "distilbert-base": "distilbert", "roberta-base": "roberta", "gte-mlm-base": "new"}


@dataclass(frozen=True)
class Place:
    """Where a number of a run stands. published: the paper's value, None where it prints none."""

    backbone: str
    scale: float
    seed: int
    dataset: str
    measure: str
    published: float | None


@dataclass(frozen=True)
class World:
    """value: a measure. verdict: what training said. losses: at step 0 and at the end, of the published ones.

    made: whether the run is there.
    """

    value: Callable[[Place], float] = lambda place: place.published if place.published is not None else 0.3
    verdict: Callable[[Run], VerdictName] = lambda run: "trained"
    loss: Callable[[Run, str, float], float] = lambda run, measure, published: published
    made: Callable[[Run], bool] = lambda run: True


def paper(root: Path, seeds: tuple[int, ...] = (42,), name: str = "paper") -> Config:
    """A shipped experiment with these seeds."""
    own = root / "own.yaml"
    own.write_text(yaml.safe_dump({"experiment": name, "experiments": {name: {"seeds": list(seeds)}}}))
    return load_config([own])


class Writer:
    """Writes a world below a folder."""

    def __init__(self, root: Path, config: Config, world: World, queries: Mapping[str, int] | None = None) -> None:
        self.config, self.world, self.published = config, world, load_published("rescaling")
        self.paths = Paths(root / "results", root / "report")
        self.queries = queries or {}

    def write(self) -> Summary:
        """Write everything and read it as the report does."""
        for name in self.config.evaluation_sets():
            value = BM25.get(name, BM25["beir"])
            self._scores(self.paths.results / "bm25", "bm25", name, dict.fromkeys(MEASURES, value))
        for name in self.config.backbones():
            self._audit(name)
        for run in self.config.runs():
            if self.world.made(run):
                self._run(run)
        return Summary(load_results(self.config, self.paths))

    def _audit(self, backbone: str) -> None:
        found = {v.measure: v.value for v in self.published.values if v.backbone == backbone and v.where == "Table 1"}
        family = FAMILIES.get(backbone, "bert" if backbone == "bert-base" else "modernbert")
        audit = invented_audit(backbone, family, found["row_norm"], anisotropy=found["anisotropy"])
        norm = audit.row_norm.model_copy(update={"max": found["row_norm_max"]})
        audit.model_copy(update={"row_norm": norm}).write(self.paths.results / "audit" / "paper" / f"{backbone}.json")

    def _run(self, run: Run) -> None:
        folder = self.paths.results / "runs" / run.folder
        folder.mkdir(parents=True)
        verdict = self.world.verdict(run)
        norm = self._published(run, None, "row_norm_divided") or math.nan
        first, last = (
            self.world.loss(run, measure, self._published(run, None, measure) or default / run.variant.scale)
            for measure, default in (("step0_loss", 5000.0), ("last_loss", 0.5))
        )
        row = dict.fromkeys(COLUMNS, 0.0) | {"step": 0, "loss": first, "row_norm": norm, "seconds": 1.0}
        write_history(folder / HISTORY, [row])
        Outcome(
            run=run.folder, recipe=run.recipe, backbone=run.backbone, variant=run.variant.name,
            scale=run.variant.scale, mode=run.variant.mode, bias=run.variant.bias, seed=run.seed, steps=983,
            triples=503_000, examples=503_000, counts={}, verdict=verdict,
            since_step=None if verdict == "trained" else 5, causes=() if verdict == "trained" else (verdict,),
            first_loss=first, last_loss=last, skipped_steps=0, nonfinite_losses=0, nonfinite_weights=0,
            stopped_at=None, row_norm_before=norm, row_norm_after=norm, definitions=VERSION, devices=8, seconds=100.0,
        ).write(folder / "outcome.json")  # fmt: skip
        for dataset in self.config.evaluation_sets():
            values = {
                measure: self.world.value(
                    Place(run.backbone, run.variant.scale, run.seed, dataset, measure,
                          self._published(run, dataset, measure))
                )
                for measure in MEASURES
            }  # fmt: skip
            self._scores(folder, run.folder, dataset, values)

    def _published(self, run: Run, dataset: str | None, measure: str) -> float | None:
        return published_value(self.published, run.backbone, run.variant.scale, dataset, measure)

    def _scores(self, folder: Path, run: str, dataset: str, values: Mapping[str, float]) -> None:
        count = self.queries.get(dataset, 12)
        pattern = np.random.default_rng(sum(map(ord, dataset))).uniform(-0.5, 0.5, count)
        pattern -= pattern.mean()
        table = {"query_id": [f"q{n}" for n in range(count)], "group": ["all"] * count} | {
            measure: value + pattern * 0.1 if math.isfinite(value) else np.full(count, value)
            for measure, value in values.items()
        }
        Scores(
            run=run, dataset=dataset, queries=count, documents=1000, metrics=dict(values),
            groups={"all": {"queries": count, **values}}, sparsity=None, timings=None, encoding=None,
        ).write(folder / "scores" / f"{dataset}.json")  # fmt: skip
        pq.write_table(pa.table(table), folder / "scores" / f"{dataset}.per-query.parquet")


def published_value(
    published: Published, backbone: str, scale: float, dataset: str | None, measure: str
) -> float | None:
    """What the paper prints there; every set of BEIR stands at the printed mean."""
    for value in published.values:
        names = published.datasets[value.dataset].names if value.dataset else [None]
        if (value.backbone, value.scale, value.measure) == (backbone, scale, measure) and dataset in names:
            return value.value
    return None
