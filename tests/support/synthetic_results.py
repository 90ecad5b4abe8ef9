"""A seeded, invented results tree in the layout of the pipeline, for tests of the report.

Nothing here is computed by the code under test: a `Fate` says what a run reached, and the tree says the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rescalade.collection_manifest import CollectionManifest, CollectionProtocol, Counts
from rescalade.config import Config, Run
from rescalade.history import COLUMNS, HISTORY, write_history
from rescalade.objective.collapse import VERSION
from rescalade.outcome import Outcome
from rescalade.paths import Paths
from rescalade.pipeline.graph import STAGES
from rescalade.pipeline.stage_row import as_json
from rescalade.record import Environment, Record
from rescalade.scoring.scores import Scores, Searched, Sparsity
from rescalade.step0 import Step0
from rescalade.vectors.manifest_file import EncodingFacts, LeftOut, Removed, State
from support.synthetic_audits import VOCABULARY, invented_audit
from support.synthetic_fates import Fate, papers_way, used_scale

NORMS = {"bert-small": 0.95, "bert-large": 15.2, "modernbert-small": 0.9, "modernbert-large": 12.4}
MADE = Environment(
    rescalade="0.1.0",
    git="0123456789ab",
    python="3.11.7",
    packages={"torch": "2.13.0", "transformers": "5.23.0", "numpy": "2.4.6", "bm25s": None},
    platform="Linux-6.1-x86_64",
    cpu="Invented CPU @ 2 GHz",
    cores=2,
    gpu=None,
)


@dataclass(frozen=True)
class References:
    """What runs are held against: in-domain quality by the set's own measure, less on later sets; None leaves it out.

    untrained: by backbone. others: by model or run that others have made. step0: whether the loss at step 0 was
    measured of every cell: a run's first loss.
    """

    bm25: float | None = 0.55
    random: float | None = 0.004
    untrained: Callable[[str], float | None] = lambda _: 0.01
    others: Callable[[str], float | None] = lambda _: 0.6
    step0: bool = True


def write_tree(
    root: Path,
    config: Config,
    fate: Callable[[Run], Fate] = papers_way,
    queries: int = 120,
    steps: int = 120,
    references: References = References(),
) -> Paths:
    """Write results for every run of the experiment under root/results; returns the paths."""
    paths = Paths(root / "results", root / "report")
    writer = _Writer(config, paths, queries, steps, references)
    writer.data()
    for backbone in config.backbones():
        writer.backbone(backbone)
    writer.others()
    for run in [*config.runs(), *config.others()]:
        told = fate(run)
        if told.made:
            writer.run(run, told)
    for run in config.runs():
        if references.step0 and run.seed == config.experiment.seeds[0]:
            writer.step0(run, fate(run))
    return paths


class _Writer:
    def __init__(self, config: Config, paths: Paths, queries: int, steps: int, references: References) -> None:
        self.config, self.paths, self.queries, self.steps = config, paths, queries, steps
        self.references = references

    def record(self, rule: str, seconds: float = 1.0, **names: str) -> None:
        row = STAGES[rule]
        path = row.record_file(self.paths, names)
        assert path is not None
        Record(
            stage=row.kind, settings=json.loads(as_json(row.settings(self.config, names))), code="c0de", made=MADE,
            inputs={}, seconds=seconds, peak_memory_bytes=600_000_000,
        ).write(path)  # fmt: skip

    def data(self) -> None:
        config, paths = self.config, self.paths
        sources = {config.dataset(name).source for name in config.shown_sets()}
        for name in sources:
            write(paths.results / "sources" / name / "manifest.json", {"counts": {"pairs": 16000}})
            self.record("source", 21.0, source=name)
        for name in config.shown_sets():
            packages = config.dataset(name).packages
            CollectionManifest(
                dataset=name,
                origin="docstrings of installed packages",
                licence="as the packages: BSD-3-Clause, Apache-2.0, PSF-2.0",
                link=None,
                packages=dict.fromkeys(packages, "1.0"),
                protocol=CollectionProtocol(document="title and text", grades=None, judgements=None, candidates=None),
                details={},
                counts=Counts(documents=2000, queries=self.queries, judgements=self.queries, triples=None),
                groups={package: self.queries // len(packages) for package in packages},
                brings_triples=False,
                empty_documents=0,
                judged_but_missing=0,
                repeated_judgements=0,
                repeated=None,
                without_relevant=0,
                without_relevant_dropped=False,
                sha256={"corpus.parquet": "ab" * 32, "queries.parquet": "cd" * 32},
            ).write(paths.results / "data" / name / "manifest.json")
            self.record("collection", 2.5, dataset=name)
        train, recipe = config.experiment.train_on, config.experiment.recipe
        if config.experiment.grid:
            self.record("triples", 4.0, dataset=train, recipe=recipe)
        for number, name in enumerate(config.evaluation_sets()):
            for rule, quality in (("bm25", self.references.bm25), ("random", self.references.random)):
                if quality is not None:
                    self.record(rule, 1.2, dataset=name)
                    self.scores(paths.results / rule, rule, name, max(0.0, quality - 0.05 * number), None)

    def backbone(self, name: str) -> None:
        config, paths = self.config, self.paths
        norm = NORMS.get(name, 14.0 if config.backbone(name).head == "large" else 1.1)
        self.record("backbone", 65.0, backbone=name)
        pretrain = config.backbone(name).pretrain
        family = pretrain.family if pretrain else "bert"
        audit = invented_audit(name, family, norm, inflate=config.backbone(name).factor)
        audit.write(paths.results / "audit" / self.config.experiment.recipe / f"{name}.json")
        self.record("audit_backbone", 6.0, backbone=name, recipe=config.experiment.recipe)
        quality = self.references.untrained(name)
        for untrained in [run for run in config.untrained() if run.backbone == name and quality is not None]:
            folder = paths.results / "runs" / untrained.folder
            self.scored(folder, untrained, Fate(quality or 0.0, 0.0))

    def others(self) -> None:
        """What others have made: models, and rankings."""
        config, folder = self.config, self.paths.results
        for run in config.ready():
            quality = self.references.others(run.backbone)
            if quality is not None:
                self.record("ready", 1.0, backbone=run.backbone)
                self.scored(folder / "runs" / run.folder, run, Fate(quality, 0.0))
        for name in config.experiment.runs:
            quality = self.references.others(name)
            for number, dataset in enumerate(config.given_on(name) if quality is not None else ()):
                keys = {"experiment": config.name, "given": name, "dataset": dataset}
                self.record("take_run", 1.0, **keys)
                place = folder / "given" / config.name / name
                self.scores(place, name, dataset, (quality or 0.0) - 0.05 * number, None)
                self.record("score_given", 0.3, **keys)

    def step0(self, run: Run, fate: Fate) -> None:
        folder = self.paths.results / "step0" / run.recipe / run.backbone
        error = 0.01 * fate.first_loss if math.isfinite(fate.first_loss) else math.nan
        Step0(
            recipe=run.recipe, backbone=run.backbone, variant=run.variant.name, scale=used_scale(run.variant),
            mode=run.variant.mode, bias=run.variant.bias, seed=run.seed, loss=fate.first_loss, standard_error=error,
            batches=64, queries=32, candidates=64,
        ).write(folder / f"{run.variant.name}.json")  # fmt: skip
        names = {"backbone": run.backbone, "variant": run.variant.name, "recipe": run.recipe}
        self.record("step0_loss", 2.0, **names)

    def run(self, run: Run, fate: Fate) -> None:
        folder, scale = self.paths.results / "runs" / run.folder, used_scale(run.variant)
        found = NORMS.get(run.backbone, 2.0) / (scale if run.variant.mode in ("tied", "untied") else 1.0)
        divided = {"backbone": run.backbone, "variant": run.variant.name}
        if not run.variant.by_recipe:
            self.record("rescale", 0.4, **divided)
        else:
            self.record("rescale_by_rule", 0.4, **divided, recipe=run.recipe)
        history = self.history(run, fate)
        folder.mkdir(parents=True, exist_ok=True)
        write_history(folder / HISTORY, history.to_dict("records"))
        Outcome(
            run=run.folder, recipe=run.recipe, backbone=run.backbone, variant=run.variant.name,
            scale=scale, mode=run.variant.mode, bias=run.variant.bias, seed=run.seed,
            steps=self.steps, triples=12054, examples=12000, counts={"documents cut": 54},
            verdict=fate.verdict, definitions=VERSION, since_step=fate.since,
            causes=() if fate.verdict == "trained" else (f"invented cause of {fate.verdict}",),
            first_loss=fate.first_loss,
            last_loss=float(np.mean(history["loss"].to_numpy()[-math.ceil(self.steps / 100) :])),
            skipped_steps=len(fate.gaps), nonfinite_losses=len(fate.gaps), nonfinite_weights=0, stopped_at=None,
            row_norm_before=found, row_norm_after=found * 1.1, devices=1, seconds=30.0,
        ).write(folder / "outcome.json")  # fmt: skip
        self.record("train", 30.0 + run.seed, run=run.folder)
        if fate.scored:
            self.scored(folder, run, fate)

    def scored(self, folder: Path, run: Run, fate: Fate) -> None:
        development = fate.mrr if fate.development is None else fate.development
        reached = {name: fate.mrr * (1 - 0.3 * number) for number, name in enumerate(self.config.test_sets())}
        for name, mrr in (reached | dict.fromkeys(self.config.experiment.development, development)).items():
            keys = {"run": run.folder, "dataset": name}
            self.record("encode", 3.0, **keys)
            self.record("index", 0.5, **keys)
            self.record("search", 0.7, **keys)
            self.scores(folder, run.folder, name, mrr, fate)

    def history(self, run: Run, fate: Fate) -> pd.DataFrame:
        scale = used_scale(run.variant)
        rng = np.random.default_rng([run.seed, int(scale), sum(map(ord, run.backbone))])
        steps = np.arange(self.steps)
        first = fate.first_loss if math.isfinite(fate.first_loss) else 500.0
        floor = 3.4 if fate.verdict != "trained" else 0.9
        loss = floor + (first - floor) * np.exp(-steps / 9) * np.exp(rng.normal(0, 0.05, self.steps))
        loss[0] = fate.first_loss
        gaps = [step for step in fate.gaps if step < self.steps]
        loss[gaps] = [math.nan if step % 2 else math.inf for step in gaps]
        active = 60 + 3000 * np.exp(-steps / 12)
        if fate.verdict == "dead":
            active = np.where(steps >= (fate.since or 0), 0.0, active)
        if fate.verdict == "saturated":
            active = np.full(self.steps, 0.9 * VOCABULARY)
        nothing = {name: np.zeros(self.steps) for name in COLUMNS}
        return pd.DataFrame(
            nothing | {
                "step": steps, "loss": loss, "active_query": active / 10, "active_document": active,
                "cosine_document": np.full(self.steps, 0.4), "gradient_norm": np.where(np.isfinite(loss), 1.0, np.nan),
                "row_norm": np.linspace(1, 1.1, self.steps) * NORMS.get(run.backbone, 2.0) / scale,
                "learning_rate": np.full(self.steps, 1e-3), "seconds": np.full(self.steps, 0.25),
            }
        )  # fmt: skip

    def scores(self, folder: Path, run: str, dataset: str, mrr: float, fate: Fate | None) -> None:
        """Per-query values whose mean is exactly `mrr` (up to rounding), groups by package in turn."""
        packages = self.config.dataset(dataset).packages
        hard = np.random.default_rng([sum(map(ord, dataset))]).uniform(-0.5, 0.5, self.queries)
        own = np.random.default_rng([sum(map(ord, run + dataset))]).uniform(-0.03, 0.03, self.queries)
        noise = hard + own  # a query is hard for every system, so that paired differences scatter less
        values = mrr + (noise - noise.mean()) * min(abs(mrr), 1.0) if math.isfinite(mrr) else np.full(self.queries, mrr)
        group = np.array([packages[number % len(packages)] for number in range(self.queries)])
        measured = {"MRR@10": values, "nDCG@10": values * 1.1, "Recall@1000": np.minimum(values * 2, 1.0)}
        groups = {
            str(name): {
                "queries": int(part.sum()),
                **{key: float(found[part].mean()) for key, found in measured.items()},
            }
            for name in sorted(set(group))
            for part in [group == name]
        }
        active = 0.0 if fate and fate.verdict == "dead" else 7372.0 if fate and fate.verdict == "saturated" else 61.5
        sparsity = Sparsity(
            active_query=active / 6, active_document=active, flops=active / 20,
            flops_regulariser_query=0.1, flops_regulariser_document=0.2,
        )  # fmt: skip
        state: State = "ok"
        if fate and fate.verdict in ("dead", "saturated", "non-finite"):
            state = fate.verdict
        nothing = Removed(postings=0.0, weight=0.0)
        Scores(
            run=run, dataset=dataset, queries=self.queries, documents=2000,
            metrics={key: float(found.mean()) for key, found in measured.items()}, groups=groups,
            sparsity=sparsity if fate else None,
            timings=Searched(index_bytes=1_000_000, queries_per_second=900.0) if fate else None,
            encoding=EncodingFacts(
                state=state, non_finite_texts=0, bounded_shards=0, active_terms=active, weights="float32",
                left_out=LeftOut(by_cap=nothing, by_storage=nothing),
            ) if fate else None,
        ).write(folder / "scores" / f"{dataset}.json")  # fmt: skip
        table = pa.table({"query_id": [f"q{number}" for number in range(self.queries)], "group": group, **measured})
        pq.write_table(table, folder / "scores" / f"{dataset}.per-query.parquet")
        if run in ("bm25", "random"):
            self.record(f"score_{run}", 0.3, dataset=dataset)
        else:
            self.record("score", 0.3, run=run, dataset=dataset)


def write(path: Path, value: Any) -> None:
    """JSON with NaN and Infinity, as the stages write it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, sort_keys=True), encoding="utf-8")


def change(path: Path, alter: Callable[[Any], None]) -> None:
    """Edit a JSON file in place."""
    value = json.loads(path.read_text(encoding="utf-8"))
    alter(value)
    write(path, value)
