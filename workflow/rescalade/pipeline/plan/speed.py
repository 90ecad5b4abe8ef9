"""How long training and encoding take: as stated, as measured on the same backbone, or by counting operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rescalade.config import Config
from rescalade.paths import Paths
from rescalade.pipeline.plan.assumptions import Assumptions
from rescalade.pipeline.plan.reading import json_or_nothing
from rescalade.pipeline.plan.shapes import UNKNOWN, shape_of

TRAIN_OPERATIONS = 6
ENCODE_OPERATIONS = 2
"""Per weight and token: a multiplication and an addition forward, twice as many backward (arXiv 2001.08361, 2.1)."""


@dataclass(frozen=True)
class Speed:
    """Of one backbone. step: seconds per optimiser step. document: seconds per document. measured: on what, or None."""

    step: float
    document: float
    step_measured: str | None
    document_measured: str | None


def speed_of(
    config: Config,
    paths: Paths,
    trained_by: tuple[str, str],
    assumed: Assumptions,
    step_tokens: float,
    document_tokens: float,
) -> Speed:
    """The speed of a backbone's runs by a recipe.

    What is stated on the command line wins over what was measured, and that over the count of operations.

    Args:
        trained_by: recipe and backbone.
        step_tokens: tokens of an optimiser step. document_tokens: of a document as it is encoded, cut.
    """
    recipe, backbone = trained_by
    weights = (shape_of(config, paths, backbone) or UNKNOWN).computed
    train = config.train_settings(backbone, config.experiment_of(recipe))
    trained, encoded = measured(paths, recipe, backbone)
    step = step_tokens * TRAIN_OPERATIONS * weights / assumed.flops(train.precision)
    document = document_tokens * ENCODE_OPERATIONS * weights / assumed.flops(config.encoding_precision(train))
    if assumed.train_tokens_per_second is not None:
        step, trained = step_tokens / assumed.train_tokens_per_second, None
    if assumed.encode_per_second is not None:
        document, encoded = 1 / assumed.encode_per_second, None
    return Speed(
        trained[0] if trained else step,
        encoded[0] if encoded else document,
        trained[1] if trained else None,
        encoded[1] if encoded else None,
    )


def measured(paths: Paths, recipe: str, backbone: str) -> tuple[tuple[float, str] | None, tuple[float, str] | None]:
    """Seconds per step and per document of the finished runs of a backbone, each with the device; None without any."""
    runs = paths.results / "runs" / recipe / backbone
    steps, seconds, device = 0, 0.0, ""
    for path in runs.glob("*/*/outcome.json"):
        outcome, record = json_or_nothing(path), json_or_nothing(path.with_name("train.record.json"))
        if outcome.get("steps") and outcome.get("seconds"):
            steps, seconds = steps + int(outcome["steps"]), seconds + float(outcome["seconds"])
            device = _device(record)
    trained = (seconds / steps, device) if steps else None
    texts, seconds = 0, 0.0
    for path in runs.glob("*/*/vectors/*/record.json"):
        manifest, record = json_or_nothing(path.with_name("manifest.json")), json_or_nothing(path)
        count = int(manifest.get("documents") or 0) + int(manifest.get("queries") or 0)
        if count and record.get("seconds"):
            texts, seconds = texts + count, seconds + float(record["seconds"])
            device = _device(record)
    return trained, (seconds / texts, device) if texts else None


def _device(record: dict[str, Any]) -> str:
    made = record.get("made") or {}
    return str(made.get("gpu") or made.get("cpu") or "an unknown device")
