"""How long training and encoding take: as stated, as measured on the same backbone, or by counting operations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rescalade.config import Config
from rescalade.models.splade_config import Precision
from rescalade.outcome import Outcome
from rescalade.paths import Paths
from rescalade.pipeline.graph import output
from rescalade.pipeline.plan.assumptions import Assumptions
from rescalade.pipeline.plan.counts import known
from rescalade.pipeline.plan.shapes import UNKNOWN, shape_of
from rescalade.record import RECORD, Record
from rescalade.runs import READY
from rescalade.vectors.file_names import MANIFEST
from rescalade.vectors.manifest_file import VectorsManifest

TRAIN_OPERATIONS = 6
ENCODE_OPERATIONS = 2
"""Per weight and token: a multiplication and an addition forward, twice as many backward (arXiv 2001.08361, 2.1)."""


Measured = tuple[float, str | None]
"""Seconds, and the device that took them; None where nothing was measured."""


@dataclass(frozen=True)
class Speed:
    """Speed of one backbone. step: seconds per optimiser step. document: seconds. measured: on what, or None."""

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
    precision, encoding = _precisions(config, recipe, backbone)
    trained, encoded = measured(paths, recipe, backbone)
    if assumed.train_tokens_per_second is not None:
        trained = step_tokens / assumed.train_tokens_per_second, None
    if assumed.encode_per_second is not None:
        encoded = 1 / assumed.encode_per_second, None
    counted = step_tokens * TRAIN_OPERATIONS * weights / assumed.flops(precision), None
    step, step_measured = trained or counted
    counted = document_tokens * ENCODE_OPERATIONS * weights / assumed.flops(encoding), None
    document, document_measured = encoded or counted
    return Speed(step, document, step_measured, document_measured)


def _precisions(config: Config, recipe: str, backbone: str) -> tuple[Precision, Precision]:
    """In which a backbone is trained and encodes; one that others have trained encodes in float32 if not said."""
    if recipe == READY:
        chosen: Precision = "bf16" if config.model.retrieval.precision == "bf16" else "fp32"
        return chosen, chosen
    train = config.train_settings(backbone, config.experiment_of(recipe))
    return train.precision, config.encoding_precision(train)


def measured(paths: Paths, recipe: str, backbone: str) -> tuple[Measured | None, Measured | None]:
    """Seconds per step and per document of the finished runs of a backbone, each with the device; None without any."""
    any_run = f"{recipe}/{backbone}/*/{READY if recipe == READY else 'seed*'}"
    outcomes = output(paths, "train", "outcome", run=any_run), output(paths, "train", "record", run=any_run)
    steps, seconds, device = 0, 0.0, ""
    for path in _found(paths, outcomes[0]):
        outcome, record = known(Outcome, path), known(Record, path.with_name(outcomes[1].name))
        if outcome is not None and record is not None:
            steps, seconds, device = steps + outcome.steps, seconds + outcome.seconds, record.made.device
    trained = (seconds / steps, device) if steps and seconds else None
    texts, seconds = 0, 0.0
    for path in _found(paths, output(paths, "encode", "vectors", run=any_run, dataset="*") / MANIFEST):
        manifest, record = known(VectorsManifest, path), known(Record, path.with_name(RECORD))
        if manifest is not None and record is not None:
            texts, seconds = texts + manifest.documents + manifest.queries, seconds + record.seconds
            device = record.made.device
    return trained, (seconds / texts, device) if texts and seconds else None


def _found(paths: Paths, pattern: Path) -> Iterator[Path]:
    """Files under the results folder that fit a pattern of the graph."""
    return paths.results.glob(str(pattern.relative_to(paths.results)))
