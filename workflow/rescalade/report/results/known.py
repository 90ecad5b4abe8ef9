"""What became of runs, by how they began: those kept with the package, those of the paper, those under results/."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from pathlib import Path

from rescalade.audited import Audit, Tried, is_flat
from rescalade.config import Config
from rescalade.config.catalogue import FOLDER
from rescalade.errors import UserError
from rescalade.outcome import Outcome
from rescalade.paths import Paths
from rescalade.pipeline.graph import output
from rescalade.published import load_published
from rescalade.report.results.load import load_results
from rescalade.report.results.step0_map import SCORES
from rescalade.report.results.summary import LOST_SHARE, Summary

FILE = FOLDER / "kept_runs.csv"
"""Outcomes of finished runs that come with the package; `rescalade outcomes --out` writes the like."""
ALIKE = 2.0
"""A run began alike where the spread of its scores is within this factor; its loss, where that is not known."""
PAPER = "arXiv 2606.18811"
PAPER_CANDIDATES = 128
"""Documents per query in the paper's loss, read as 64 queries with a positive and a hard negative each."""


@dataclass(frozen=True)
class Known:
    """A finished run and the audit of its variant.

    source: experiment, or the paper. step0_loss: InfoNCE of the audit among `candidates` documents, or of the paper's
    Fig. 4. active_document, vocabulary, score_sd: of the audit, NaN and 0 where not known; the last over the
    temperature. verdict: `lost` included. quality: in-domain.
    """

    source: str
    backbone: str
    k: float
    mode: str
    bias: bool
    seed: int
    candidates: int
    vocabulary: int
    step0_loss: float
    active_document: float
    score_sd: float
    verdict: str
    quality: float

    @property
    def units(self) -> float:
        """The starting loss in units of that of guessing."""
        return self.step0_loss / math.log(self.candidates)

    @property
    def flat(self) -> bool:
        """Whether it began by telling nothing apart."""
        return is_flat(self.step0_loss, self.candidates, self.score_sd)

    @property
    def trained(self) -> bool:
        """Whether it ended without a collapse by the declared definitions."""
        return self.verdict == "trained"


def kept_runs(path: Path = FILE) -> list[Known]:
    """The runs that come with the package.

    Raises:
        UserError: the file is missing or malformed.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return [_read(row) for row in csv.DictReader(stream)]
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as kept runs ({error!r})") from None


@cache
def reference() -> tuple[Known, ...]:
    """The runs kept with the package and the cells of the paper."""
    return (*kept_runs(), *published_cells())


def as_csv(runs: Sequence[Known]) -> str:
    """The file of some runs."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, [field.name for field in fields(Known)], lineterminator="\n")
    writer.writeheader()
    for run in runs:
        writer.writerow(
            {key: f"{value:.6g}" if isinstance(value, float) else value for key, value in asdict(run).items()}
        )
    return buffer.getvalue()


def published_cells() -> list[Known]:
    """Cells of the paper whose starting loss can be read off its Fig. 4.

    `lost` as here: the mean of MS MARCO MRR@10 and TREC DL 2019 nDCG@10 below half of that of the backbone's best k.
    """
    values = load_published("rescaling").values
    quality = {
        (one.backbone, one.scale): (one.value + other.value) / 2
        for one in values
        for other in values
        if (one.dataset, one.measure, other.dataset, other.measure) == ("msmarco-dev", "MRR@10", "trec-dl19", "nDCG@10")
        and (one.backbone, one.scale) == (other.backbone, other.scale)
    }
    found = []
    for value in values:
        if value.measure == "step0_loss" and value.scale is not None:
            best = max(reached for (backbone, _), reached in quality.items() if backbone == value.backbone)
            reached = quality[value.backbone, value.scale]
            verdict = "lost" if reached < LOST_SHARE * best else "trained"
            found.append(
                Known(PAPER, value.backbone, value.scale, "tied", False, 0, PAPER_CANDIDATES, 0, value.value, math.nan,
                      math.nan, verdict, reached)
            )  # fmt: skip
    return found


def finished_runs(config: Config, paths: Paths) -> list[Known]:
    """Runs under results/ of every experiment, of backbones that were audited; a run that two share counts once.

    Heads that are divided and trained by the recipe as it is: of others the audit does not say how they began.

    Raises:
        UserError: a results file cannot be read.
    """
    found: dict[str, Known] = {}
    for name in config.model.experiments:
        chosen = replace(config, name=name)
        if any(Outcome.read_or_none(output(paths, "train", "outcome", run=run.training)) for run in chosen.runs()):
            for run, known in _of_experiment(Summary(load_results(chosen, paths))):
                found.setdefault(run, known)
    return list(found.values())


def once(config: Config, runs: Sequence[Known]) -> list[Known]:
    """Of experiments that train by the same settings on the same text, every run once, under the first of them."""
    found: dict[tuple[object, ...], Known] = {}
    for one in runs:
        how: object = one.source
        if one.source in config.model.experiments and one.backbone in config.model.backbones:
            train_on = config.model.experiments[one.source].train_on
            how = train_on, config.train_settings(one.backbone, one.source).model_dump_json()
        found.setdefault((how, one.backbone, one.k, one.mode, one.bias, one.seed), one)
    return list(found.values())


def alike(entry: Tried, candidates: int, known: Sequence[Known], temperature: float = 1.0) -> list[Known]:
    """Those that began like a variant of an audit: by the spread of the scores, the paper's cells by the loss."""
    spread, units = entry.score_sd / temperature, entry.step0_loss / math.log(candidates)

    def near(one: Known) -> bool:
        if math.isnan(one.score_sd):
            return math.isfinite(units) and units > 0 and abs(math.log(one.units / units)) <= math.log(ALIKE)
        return math.isfinite(spread) and abs(SCORES.place(one.score_sd) - SCORES.place(spread)) <= math.log(ALIKE)

    return [one for one in known if near(one)]


def in_words(known: Sequence[Known]) -> str:
    """`boolq: 8 of 8 trained; arXiv 2606.18811: 1 of 2 trained`."""
    sources = dict.fromkeys(one.source for one in known)
    parts = []
    for source in sources:
        runs = [one for one in known if one.source == source]
        parts.append(f"{source}: {sum(one.trained for one in runs)} of {len(runs)} trained")
    return "; ".join(parts) or "no run is known"


def _of_experiment(summary: Summary) -> Iterator[tuple[str, Known]]:
    for cell in summary.cells:
        if not cell.variant.plain:
            continue
        temperature = summary.config.train_settings(cell.backbone).temperature
        audit = summary.results.audits.get(cell.backbone)
        entry = None if audit is None else entry_of(audit, cell.variant.mode, cell.variant.bias, cell.variant.scale)
        for run, verdict in zip(cell.runs, cell.verdicts, strict=True):
            if audit is not None and entry is not None and verdict is not None:
                yield (
                    run.run.folder,
                    Known(
                        summary.config.name, cell.backbone, entry.k, entry.mode, entry.bias, run.run.seed,
                        audit.text.documents, audit.vocabulary, entry.step0_loss, entry.active_document,
                        entry.score_sd / temperature, verdict, summary.in_domain(run),
                    ),
                )  # fmt: skip


def entry_of(audit: Audit, mode: str, bias: bool, k: float) -> Tried | None:
    """What an audit says of a variant; None where it was not tried."""
    return next((one for one in audit.scales if (one.mode, one.bias, one.k) == (mode, bias, k)), None)


def _read(row: dict[str, str]) -> Known:
    return Known(
        source=row["source"], backbone=row["backbone"], k=float(row["k"]), mode=row["mode"], bias=row["bias"] == "True",
        seed=int(row["seed"]), candidates=int(row["candidates"]), vocabulary=int(row["vocabulary"]),
        step0_loss=float(row["step0_loss"]), active_document=float(row["active_document"]),
        score_sd=float(row["score_sd"]), verdict=row["verdict"], quality=float(row["quality"]),
    )  # fmt: skip
