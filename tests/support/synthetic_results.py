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
import yaml

from rescalade.collection_manifest import CollectionManifest, CollectionProtocol, Counts
from rescalade.config import Config, Run, build_config
from rescalade.history import COLUMNS, HISTORY, write_history
from rescalade.objective.collapse import VERSION
from rescalade.outcome import Outcome, VerdictName
from rescalade.paths import Paths
from rescalade.pipeline.graph import STAGES
from rescalade.pipeline.stage_row import as_json
from rescalade.record import Environment, Record
from rescalade.scoring.scores import Scores, Searched, Sparsity
from rescalade.step0 import Step0
from rescalade.variants import Variant
from rescalade.vectors.manifest_file import EncodingFacts, LeftOut, Removed, State
from support.synthetic_audits import PREDICTED, VOCABULARY, invented_audit

REPOSITORY = Path(__file__).resolve().parents[2]
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


CONFIGURATION = """
experiment: mini
sources:
  pydoc: {kind: pydoc}
datasets:
  pydoc-train: {source: pydoc, title: pydoc training pairs, part: train, packages: &training [torch, sklearn, sympy]}
  pydoc: {source: pydoc, title: "pydoc, held-out functions", part: held-out, packages: *training, limit: 1000,
    metric: MRR@10}
  pydoc-ood: {source: pydoc, title: "pydoc, other packages", packages: [numpy, pandas, scipy, stdlib], per_package: 500}
backbones:
  bert-small: {title: BERT 2x128, source: pretrain, head: small, pretrain: {family: bert, text: pydoc-train}}
  bert-large:
    title: BERT 2x128, large head
    source: pretrain
    head: large
    twin: bert-small
    pretrain: {family: bert, text: pydoc-train, embedding_std: 0.25}
  modernbert-small:
    title: ModernBERT 2x128
    source: pretrain
    head: small
    pretrain: {family: modernbert, text: pydoc-train}
  modernbert-large:
    title: ModernBERT 2x128, large head
    source: pretrain
    head: large
    twin: modernbert-small
    pretrain: {family: modernbert, text: pydoc-train, embedding_std: 0.25}
recipes:
  mini:
    train: {batch_size: 32, max_steps: 120, learning_rate: 1.0e-3, query_length: 32, document_length: 64}
experiments:
  mini:
    title: The paper in miniature
    description: Four invented backbones.
    recipe: mini
    train_on: pydoc-train
    in_domain: [pydoc]
    out_of_domain: [pydoc-ood]
    seeds: [1, 2]
    grid:
      - {backbones: [bert-small, modernbert-small], scales: [1, 4]}
      - {backbones: [bert-large, modernbert-large], scales: [1, 4, 16]}
      - {backbones: [bert-small], scales: [4], modes: [untied]}
"""
"""Of the tests' own, so that tuning the repository's experiment changes no expectation here."""


@dataclass(frozen=True)
class Fate:
    """What a run reached. made: False leaves it out. gaps: steps whose loss is NaN or infinite.

    development: on development sets; as elsewhere where None.
    """

    mrr: float
    first_loss: float
    verdict: VerdictName = "trained"
    since: int | None = None
    made: bool = True
    scored: bool = True
    gaps: tuple[int, ...] = ()
    development: float | None = None


@dataclass(frozen=True)
class References:
    """What runs are held against: in-domain quality by the set's own measure, less on later sets; None leaves it out.

    untrained: by backbone. step0: whether the loss at step 0 was measured of every cell: a run's first loss.
    """

    bm25: float | None = 0.55
    random: float | None = 0.004
    untrained: Callable[[str], float | None] = lambda _: 0.01
    step0: bool = True


def mini(**changes: Any) -> Config:
    """The configuration above, with keys of the experiment replaced."""
    values = configuration()
    values["experiments"]["mini"].update(changes)
    return build_config(values)


def configuration() -> dict[str, Any]:
    """A fresh copy of the configuration above as values."""
    values: dict[str, Any] = yaml.safe_load(CONFIGURATION)
    return values


AUTOMATIC: list[dict[str, Any]] = [
    {"backbones": ["bert-large"], "scales": ["auto"], "rule": "norm"},
    {"backbones": ["bert-large"], "scales": ["auto"], "rule": "width", "modes": ["folded"]},
    {"backbones": ["bert-small"], "scales": ["auto"], "rule": "activation", "modes": ["multiplier"], "bias": True},
    {"backbones": ["modernbert-large"], "scales": ["auto"], "rule": "loss"},
]


def with_rules(**changes: Any) -> Config:
    """`mini` with runs whose k a rule chooses, each seed of the experiment for each variant."""
    values = configuration()
    values["experiments"]["mini"].update(changes)
    values["experiments"]["mini"]["grid"] += AUTOMATIC
    return build_config(values)


def used_scale(variant: Variant) -> float:
    """k of the variant: its own, or what the invented audit predicts by its rule."""
    if variant.rule is None:
        return variant.scale
    return float(PREDICTED[variant.rule][1])


def many(backbones: int = 20, scales: tuple[int, ...] = (1, 2, 4, 8, 16)) -> Config:
    """An experiment with many backbones, every other one inflated, without twins."""
    values = configuration()
    values["backbones"] = {
        f"net-{number:02d}": {
            "title": f"Network_{number:02d} & Söhne <{number}>",
            "head": "large" if number % 2 else "small",
            **(
                {"source": "inflate", "of": f"net-{number - 1:02d}", "factor": 16.0}
                if number % 2
                else {"source": "pretrain", "pretrain": {"family": "bert", "text": "pydoc-train"}}
            ),
        }
        for number in range(backbones)
    }
    experiment = values["experiments"]["mini"]
    experiment["grid"] = [{"backbones": list(values["backbones"]), "scales": list(scales)}]
    return build_config(values)


def papers_way(run: Run) -> Fate:
    """The effect as the paper tells it: large heads fail at k = 1 and trade well at k = 16."""
    wobble = 0.004 * (1 if run.seed % 2 else -1)
    scale = used_scale(run.variant)
    if not run.backbone.endswith("large"):
        quality = 0.40 if scale == 1 else 0.405
        return Fate(quality + wobble, 30.0 / scale + run.seed * 0.1)
    if scale == 1:
        if run.backbone.startswith("bert"):
            return Fate(0.004, 2400.0 + run.seed, "dead", 14 + run.seed)
        return Fate(0.02, 1900.0 + run.seed, "saturated", 3, gaps=(40, 41, 42, 77))
    return Fate((0.33 if scale < 16 else 0.42) + wobble, 900.0 / scale + run.seed)


def ugly(run: Run) -> Fate:
    """Every accident at once: a missing run, an unscored one, non-finite losses to the end, a lost one."""
    fate = papers_way(run)
    name = (run.backbone, run.variant.name, run.seed)
    if name == ("bert-small", "k4", 2):
        return Fate(0, 0, made=False)
    if name[:2] == ("bert-small", "k4-untied"):
        return Fate(0, 0, made=False)
    if name == ("modernbert-small", "k4", 1):
        return Fate(0.4, 8.0, scored=False)
    if name[:2] == ("bert-large", "k4"):
        return Fate(0.05, 225.0)
    if name == ("modernbert-large", "k16", 1):
        return Fate(math.nan, math.inf, "non-finite", 0, gaps=tuple(range(120)))
    return fate


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
        sources = {config.dataset(name).source for name in [config.experiment.train_on, *config.evaluation_sets()]}
        for name in sources:
            write(paths.results / "sources" / name / "manifest.json", {"counts": {"pairs": 16000}})
            self.record("source", 21.0, source=name)
        for name in dict.fromkeys([config.experiment.train_on, *config.evaluation_sets()]):
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
                sha256={"corpus.parquet": "ab" * 32, "queries.parquet": "cd" * 32},
            ).write(paths.results / "data" / name / "manifest.json")
            self.record("collection", 2.5, dataset=name)
        train, recipe = config.experiment.train_on, config.experiment.recipe
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
        if run.variant.rule is None:
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
        table = pd.DataFrame(
            {
                "query_id": [f"q{number}" for number in range(self.queries)],
                "group": [packages[number % len(packages)] for number in range(self.queries)],
                "MRR@10": values, "nDCG@10": values * 1.1, "Recall@1000": np.minimum(values * 2, 1.0),
            }
        )  # fmt: skip
        names = ["MRR@10", "nDCG@10", "Recall@1000"]
        groups = {
            str(name): {"queries": len(part), **{key: float(part[key].mean()) for key in names}}
            for name, part in table.groupby("group")
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
            metrics={key: float(table[key].mean()) for key in names}, groups=groups,
            sparsity=sparsity if fate else None,
            timings=Searched(index_bytes=1_000_000, queries_per_second=900.0) if fate else None,
            encoding=EncodingFacts(
                state=state, non_finite_texts=0, bounded_shards=0, active_terms=active, weights="float32",
                left_out=LeftOut(by_cap=nothing, by_storage=nothing),
            ) if fate else None,
        ).write(folder / "scores" / f"{dataset}.json")  # fmt: skip
        table.to_parquet(folder / "scores" / f"{dataset}.per-query.parquet")
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
