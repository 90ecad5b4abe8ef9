"""Invented experiments, and what their runs reached: a `Fate` each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rescalade.config import Config, Run, build_config
from rescalade.outcome import VerdictName
from rescalade.variants import Variant
from support.synthetic_audits import PREDICTED

REPOSITORY = Path(__file__).resolve().parents[2]

AXES: dict[str, Any] = {
    "family": {
        "title": "Family",
        "levels": {"BERT": ["bert-small", "bert-large"], "ModernBERT": ["modernbert-small", "modernbert-large"]},
    },
    "norm": {
        "title": "Row norm",
        "levels": {"small": ["bert-small", "modernbert-small"], "large": ["bert-large", "modernbert-large"]},
    },
}
"""Factors of the four backbones of `CONFIGURATION`, as an experiment declares them."""

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
