"""The opening paragraph and the facts of a run, put into words from its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rescalade.config import Config
from rescalade.config.model import ClaimName
from rescalade.report.claims.claim import Claim
from rescalade.report.results.labels import backbone_title, mode_title, scale_title, scale_words
from rescalade.report.results.numbers import duration, listed, plural, written
from rescalade.report.results.provenance import Provenance
from rescalade.report.results.summary import Cell, Summary
from rescalade.report.tables.row_norms import head_class

MANY = 6
"""Backbones that are still listed by name."""


def opening(summary: Summary, claims: Sequence[Claim]) -> list[str]:
    """Sentences that say what this run found, whether the effect shows or not."""
    if not any(run.made for run in summary.results.runs):
        return ["None of the runs of this experiment has been made yet; every number below is missing."]
    answers = {claim.id: claim.result for claim in claims}
    sentences = [_effect(answers)]
    sentences += _large(summary)
    sentences += _small(summary, answers)
    sentences += _against_bm25(summary)
    planned, made = len(summary.results.runs), sum(run.made for run in summary.results.runs)
    if made < planned:
        sentences.append(
            f"{planned - made} of {plural(planned, 'run')} {'is' if planned - made == 1 else 'are'} missing."
        )
    return sentences


def facts(summary: Summary, found: Provenance) -> list[tuple[str, str]]:
    """What was run: term and description."""
    config, experiment = summary.config, summary.config.experiment
    runs = summary.results.runs
    scales = dict.fromkeys(scale_words(run.run.variant) for run in sorted(runs, key=lambda run: run.run.variant.scale))
    modes = dict.fromkeys(mode_title(run.run.variant) for run in runs)
    made = sum(run.made for run in runs)
    train = [config.train_settings(name) for name in config.backbones()]
    first = train[0]
    length = plural(first.max_steps, "step") if first.max_steps else plural(int(first.epochs), "epoch")
    recipe = (
        f"{experiment.recipe}: {length}, {first.batch_size * first.accumulation} queries per step, AdamW at a peak "
        f"learning rate of {first.learning_rate:g}, λq {first.lambda_query:g}, λd {first.lambda_document:g}, "
        f"τ {first.temperature:g}, {first.query_length} and {first.document_length} tokens, {first.precision}"
    )
    if any(settings != first for settings in train):
        recipe += " (some backbones have settings of their own, see below)"
    return [
        ("Backbones", _backbones(config)),
        ("Scales", f"k = {', '.join(scales)}; {listed(modes)}"),
        ("Runs", f"{made} of {len(runs)} made; {_seeds(experiment.seeds)}"),
        ("Trained on", _dataset(summary, experiment.train_on)),
        ("In-domain", "; ".join(_dataset(summary, name) for name in experiment.in_domain)),
        ("Out-of-domain", "; ".join(_dataset(summary, name) for name in experiment.out_of_domain) or "none"),
        ("Recipe", recipe),
        ("Time", f"{duration(found.seconds)} of work over all stages" if found.costs else "not recorded"),
    ]


def _backbones(config: Config) -> str:
    names = [backbone_title(config, name) for name in config.backbones()]
    return "; ".join(names) if len(names) <= MANY else f"{len(names)}, listed above"


def _effect(answers: Mapping[str, str]) -> str:
    both = [answers.get(ClaimName.LARGE_NORM_COLLAPSES), answers.get(ClaimName.DIVISION_RESCUES)]
    if both == ["holds", "not run"]:
        return "Large-norm heads fail in this run as they are; there is no small-norm twin to measure the division by."
    if both[0] == "not run":
        return "Whether the paper's effect shows cannot be said from these runs alone."
    if both == ["holds", "holds"]:
        return "The paper's effect shows in this run: large-norm heads fail as they are and train once divided by k."
    if both[0] == "does not hold":
        return "The paper's effect does not show in this run: no large-norm head failed at k = 1."
    if both == ["holds", "does not hold"]:
        return (
            "The paper's effect shows only by half: large-norm heads fail at k = 1, and no division brings them level."
        )
    return "The paper's effect shows for some backbones of this run and not for others."


def _large(summary: Summary) -> list[str]:
    sentences = []
    for name in summary.config.backbones():
        base, best = summary.cell(name, 1.0), summary.best(name)
        if head_class(summary, name) != "large" or base is None or not base.made or best is None:
            continue
        title = backbone_title(summary.config, name)
        start = f"{title}: {summary.in_domain_label} {_plain(summary, base)} at k = 1 ({_verdict(base)})"
        if best is base:
            sentences.append(f"{start}; no other k did better.")
            continue
        sentences.append(f"{start}, {_plain(summary, best)} at {scale_title(best.variant)}{_level(summary, name)}.")
    if len(sentences) > 4:
        return [*sentences[:4], f"The other {len(sentences) - 4} large-norm backbones are in the table below."]
    return sentences


def _level(summary: Summary, name: str) -> str:
    twin = summary.config.backbone(name).twin
    top = summary.best(twin) if twin else None
    if twin is None or top is None:
        return ""
    return f"; its small-norm twin reaches {_plain(summary, top)}"


def _small(summary: Summary, answers: Mapping[str, str]) -> list[str]:
    words = {
        "holds": "A moderate k did not harm the small-norm backbones.",
        "does not hold": "A moderate k harmed the small-norm backbones by more than seed noise.",
        "mixed": "A moderate k left some small-norm backbones unharmed; for the others that cannot be said.",
    }
    answer = words.get(answers.get("small-norm-unharmed", ""))
    return [answer] if answer else []


def _against_bm25(summary: Summary) -> list[str]:
    cells = [cell for name in summary.config.backbones() if (cell := summary.best(name)) is not None]
    cell = max(cells, key=summary.quality, default=None)
    bm25 = summary.in_domain_quality(summary.results.bm25)
    if cell is None or not math.isfinite(bm25):
        return []
    parts = [f"{_plain(summary, cell)} against {written(bm25)} {summary.in_domain_label} in-domain"]
    outside, other = cell.spread(summary.out_of_domain), summary.out_of_domain_quality(summary.results.bm25)
    if outside.mean is not None and math.isfinite(other):
        parts.append(f"{written(outside.mean)} against {written(other)} {summary.out_of_domain_label} out-of-domain")
    ahead = summary.quality(cell) >= bm25
    where = "reaches BM25 in-domain" if ahead else "stays below BM25 in-domain"
    return [f"The best sparse retriever {where}: {listed(parts)}."]


def _plain(summary: Summary, cell: Cell) -> str:
    """The mean alone: the spread is in the table."""
    return written(cell.spread(summary.in_domain).mean)


def _verdict(cell: Cell) -> str:
    """`dead`, `trained or lost, by seed`."""
    names = list(dict.fromkeys(verdict for verdict in cell.verdicts if verdict is not None))
    return names[0] if len(names) == 1 else f"{' or '.join(names)}, by seed"


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed {seeds[0]} alone, so no spread" if len(seeds) == 1 else f"seeds {listed(map(str, seeds))}"


def _dataset(summary: Summary, name: str) -> str:
    manifest = summary.results.manifests.get(name)
    number = "" if manifest is None else f" ({written(manifest.counts.queries, 'count')} queries)"
    return f"{summary.config.title('dataset', name)}{number}"
