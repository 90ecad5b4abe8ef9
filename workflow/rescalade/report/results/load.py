"""What the stages left behind, read once for tables, figures and page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pandas as pd

from rescalade.adaptation.history import read_history as read_adaptation
from rescalade.audited import Audit, predicted_scale
from rescalade.collection_manifest import CollectionManifest
from rescalade.config import Config, Run
from rescalade.errors import UserError, let_refusals_through
from rescalade.history import read_history
from rescalade.outcome import Outcome
from rescalade.paths import Paths
from rescalade.pipeline.graph import output
from rescalade.scoring.scores import Scores
from rescalade.step0 import Step0
from rescalade.variants import Variant


@dataclass(frozen=True)
class Given:
    """A run that others have ranked, by its name in the experiment."""

    name: str


Source = Run | Given | str
"""Of values per query: a run, one of others, or `bm25` or `random`."""
Key = TypeVar("Key")
Item = TypeVar("Item")


@dataclass(frozen=True)
class RunResult:
    """One run, its variant with the k that was used.

    outcome: None where the run was not made. scores: by data set, for those scored.
    """

    run: Run
    outcome: Outcome | None
    history: pd.DataFrame | None
    scores: Mapping[str, Scores]

    @property
    def made(self) -> bool:
        """Whether training has left an outcome."""
        return self.outcome is not None

    @property
    def trimmed(self) -> bool:
        """Whether vectors of a data set met the bound on bytes, so that its scores are of the heaviest terms only."""
        return any(found.encoding is not None and found.encoding.bounded_shards > 0 for found in self.scores.values())


@dataclass(frozen=True)
class Results:
    """Everything that the report shows of an experiment."""

    config: Config
    paths: Paths
    runs: tuple[RunResult, ...]
    audits: Mapping[str, Audit]
    bm25: Mapping[str, Scores]
    manifests: Mapping[str, CollectionManifest]
    others: tuple[RunResult, ...] = ()
    """Runs of the experiments shown along: their scores enter the figure of effectiveness against FLOPS alone."""
    untrained: Mapping[str, Mapping[str, Scores]] = field(default_factory=dict)
    """By backbone and data set: undivided and before any training."""
    untrained_adapted: Mapping[str, Mapping[str, Scores]] = field(default_factory=dict)
    """The same after the adaptation phase alone, of backbones that have such variants."""
    ready: Mapping[str, Mapping[str, Scores]] = field(default_factory=dict)
    """By name and data set: of models that others have trained."""
    given: Mapping[str, Mapping[str, Scores]] = field(default_factory=dict)
    """By name and data set: of rankings that others have made."""
    random: Mapping[str, Scores] = field(default_factory=dict)
    """By data set: of random sparse vectors."""
    step0: Mapping[tuple[str, Variant], Step0] = field(default_factory=dict)
    """By backbone and variant, its k chosen."""
    adaptations: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """By backbone, of those that were adapted: one row per step, see `rescalade.adaptation.history`."""


def load_results(config: Config, paths: Paths, backbone: str | None = None) -> Results:
    """Read the results of the experiment, or of one of its backbones; what is absent stays absent.

    Raises:
        UserError: a file is there but cannot be read.
    """
    datasets = config.evaluation_sets()
    backbones = config.backbones() if backbone is None else [backbone]
    recipe = config.experiment.recipe
    audit_files = {name: output(paths, "audit_backbone", "audit", backbone=name, recipe=recipe) for name in backbones}
    manifests = {name: output(paths, "collection", "manifest", dataset=name) for name in config.shown_sets()}
    audits = _present({name: Audit.read_or_none(path) for name, path in audit_files.items()})
    made = [_run(config, paths, run, datasets) for run in config.runs() if run.backbone in backbones]
    runs = with_chosen_scales(made, audits)
    return Results(
        config=config,
        paths=paths,
        runs=runs,
        audits=audits,
        bm25=_baseline(paths, "score_bm25", datasets),
        manifests=_present({name: CollectionManifest.read_or_none(path) for name, path in manifests.items()}),
        others=tuple(
            _run(config, paths, run, config.test_sets()) for run in config.others() if run.backbone in backbones
        ),
        untrained=_untrained(config, paths, backbones, adapted=False),
        untrained_adapted=_untrained(config, paths, backbones, adapted=True),
        ready={run.backbone: scores_of(paths, run, config.test_sets()) for run in config.ready()},
        given={name: _given(config, paths, name) for name in config.experiment.runs},
        random=_baseline(paths, "score_random", datasets),
        adaptations=_present(
            {
                name: _adaptation(output(paths, "adapt", "model", backbone=name, recipe=recipe))
                for name in config.adapted()
                if name in backbones
            }
        ),
        step0=_present({(each.run.backbone, each.run.variant): _step0(paths, each.run) for each in runs}),
    )


def _untrained(
    config: Config, paths: Paths, backbones: Sequence[str], *, adapted: bool
) -> dict[str, Mapping[str, Scores]]:
    return {
        run.backbone: found
        for run in config.untrained()
        if run.backbone in backbones
        and run.variant.adapted == adapted
        and (found := scores_of(paths, run, config.test_sets()))
    }


def with_chosen_scales(runs: Sequence[RunResult], audits: Mapping[str, Audit]) -> tuple[RunResult, ...]:
    """Give variants whose k a rule chose that k, and sort by it: backbone, mode, scale, seed.

    The k of a run is that of its outcome; of one that was not made, that of another seed, else the audit's prediction.
    Without any of these it stays unchosen.
    """
    known: dict[tuple[str, Variant], float] = {}
    for result in runs:
        scale = _used_scale(result.outcome)
        if scale is not None:
            known.setdefault((result.run.backbone, result.run.variant), scale)

    def chosen(result: RunResult) -> RunResult:
        run = result.run
        if not run.variant.unchosen:
            return result
        scale = _used_scale(result.outcome) or known.get((run.backbone, run.variant))
        if scale is None and run.backbone in audits:
            scale = predicted_scale(audits[run.backbone].predicted, run.variant)
        return result if scale is None else replace(result, run=replace(run, variant=run.variant.chosen(scale)))

    order = list(dict.fromkeys(result.run.backbone for result in runs))

    def place(result: RunResult) -> tuple[int, str, float, bool, str, int]:
        variant = result.run.variant
        backbone = order.index(result.run.backbone)
        return backbone, variant.mode, variant.scale, variant.bias, variant.rule or "", result.run.seed

    return tuple(sorted(map(chosen, runs), key=place))


def read_parquet(path: Path) -> pd.DataFrame | None:
    """A table, or None where there is no such file.

    Raises:
        UserError: the file cannot be read.
    """
    if not path.is_file():
        return None
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors derive from ValueError or OSError
        let_refusals_through(error)
        raise UserError(f"{path} cannot be read ({error}); delete it and make it again") from None


def per_query(results: Results, run: Source, dataset: str) -> pd.DataFrame | None:
    """Columns query_id, group and the measures of a run, of an untrained backbone, of `bm25` or of `random`."""
    if isinstance(run, Given):
        names = {"experiment": results.config.name, "given": run.name, "dataset": dataset}
        return read_parquet(output(results.paths, "score_given", "per_query", **names))
    if isinstance(run, Run):
        return read_parquet(output(results.paths, "score", "per_query", run=run.folder, dataset=dataset))
    return read_parquet(output(results.paths, f"score_{run}", "per_query", dataset=dataset))


def _run(config: Config, paths: Paths, run: Run, datasets: list[str]) -> RunResult:
    outcome = Outcome.read_or_none(output(paths, "train", "outcome", run=run.training))
    if outcome is None:  # leftovers of an unfinished run are not results
        return RunResult(run, None, None, {})
    history = _history(output(paths, "train", "history", run=run.training))
    return RunResult(run, outcome, history, scores_of(paths, run, datasets))


def scores_of(paths: Paths, run: Run, datasets: Sequence[str]) -> dict[str, Scores]:
    """Scores of a run by data set, for those scored."""
    files = {name: output(paths, "score", "scores", run=run.folder, dataset=name) for name in datasets}
    return _present({name: Scores.read_or_none(path) for name, path in files.items()})


def _baseline(paths: Paths, rule: str, datasets: Sequence[str]) -> dict[str, Scores]:
    files = {name: output(paths, rule, "scores", dataset=name) for name in datasets}
    return _present({name: Scores.read_or_none(path) for name, path in files.items()})


def _given(config: Config, paths: Paths, name: str) -> dict[str, Scores]:
    files = {
        dataset: output(paths, "score_given", "scores", experiment=config.name, given=name, dataset=dataset)
        for dataset in config.given_on(name)
    }
    return _present({dataset: Scores.read_or_none(path) for dataset, path in files.items()})


def _adaptation(folder: Path) -> pd.DataFrame | None:
    table = read_adaptation(folder)
    return None if table is None else table.to_pandas()


def _step0(paths: Paths, run: Run) -> Step0 | None:
    names = {"recipe": run.recipe, "backbone": run.backbone, "variant": run.variant.name}
    return Step0.read_or_none(output(paths, "step0_loss", "step0", **names))


def _history(path: Path) -> pd.DataFrame | None:
    table = read_history(path)
    return None if table is None else table.to_pandas()


def _used_scale(outcome: Outcome | None) -> float | None:
    return None if outcome is None else outcome.scale


def _present(values: Mapping[Key, Item | None]) -> dict[Key, Item]:
    return {name: value for name, value in values.items() if value is not None}
