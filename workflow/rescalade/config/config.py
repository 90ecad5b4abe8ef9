"""A checked configuration with one experiment chosen in it, and what it says of runs, data sets and settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from rescalade.config.errors import Lines
from rescalade.config.model import BackboneConfig, ConfigModel, ExperimentConfig, GridEntry, RecipeConfig
from rescalade.config.over import RECIPE
from rescalade.data.kinds import Dataset
from rescalade.data.source_config import SourceConfig
from rescalade.errors import UserError, unknown
from rescalade.models.splade_config import Precision
from rescalade.quantisation import Quantisation
from rescalade.runs import READY, Run
from rescalade.training.settings import TrainSettings
from rescalade.variants import Scalar, Variant

Entry = TypeVar("Entry")


@dataclass(frozen=True)
class Config:
    """A checked configuration and the experiment chosen in it.

    lines: where each key stands. values: all files as one mapping, without defaults. notices: a line for each entry
    that a file has with other contents than the catalogue. own: subject and name of the entries that the files name,
    as opposed to those of the catalogue alone. files: those that were read, the later over the earlier; only for
    commands that are shown.
    """

    model: ConfigModel
    name: str
    lines: Lines = field(default_factory=Lines, compare=False)
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)
    notices: tuple[str, ...] = field(default=(), compare=False)
    own: frozenset[tuple[str, str]] = frozenset()
    files: tuple[Path, ...] = field(default=(), compare=False)
    command: str = field(default="", compare=False)
    """The command line that the experiment comes from, where it stands in no file."""

    @property
    def experiment(self) -> ExperimentConfig:
        """The chosen experiment."""
        return self.model.experiments[self.name]

    @property
    def recipe(self) -> RecipeConfig:
        """The recipe of the chosen experiment; one that says nothing where it trains nothing."""
        return self.model.recipes.get(self.experiment.recipe, RecipeConfig())

    def runs(self, experiment: str | None = None) -> list[Run]:
        """Runs of an experiment without repeats: backbones in file order, then mode, scale, seed."""
        name = experiment or self.name
        if name not in self._runs:
            self._runs[name] = self._runs_of(name)
        return list(self._runs[name])

    @cached_property
    def _runs(self) -> dict[str, list[Run]]:
        """Runs by experiment, kept: a graph asks some hundred times."""
        return {}

    def _runs_of(self, experiment: str) -> list[Run]:
        chosen = self.model.experiments[experiment]
        runs = [
            Run(chosen.recipe, backbone, variant, seed, quantise=self.model.retrieval.quantise)
            for entry in chosen.grid
            for backbone in entry.backbones
            for variant in self._named_by_what_differs(entry, backbone, experiment)
            for seed in chosen.seeds
        ]
        order = list(self.model.backbones)
        return sorted(set(runs), key=lambda run: (order.index(run.backbone), run.variant.mode, run))

    def _named_by_what_differs(self, entry: GridEntry, backbone: str, experiment: str) -> list[Variant]:
        """Variants of an entry; a setting over the recipe's that is the recipe's own is left out of their names."""
        if not entry.over:
            return entry.variants()
        found = []
        for variant in entry.variants():
            recipe = dict(variant.over).get(RECIPE, self.model.experiments[experiment].recipe)
            named = ((RECIPE, recipe),) if recipe != self.model.experiments[experiment].recipe else ()
            own = self.train_settings(backbone, experiment, named)
            settings = self.train_settings(backbone, experiment, variant.over)
            typed = [(name, getattr(settings, name)) for name, _ in variant.over if name != RECIPE]
            differing = [(name, value) for name, value in typed if value != getattr(own, name)]
            found.append(replace(variant, over=tuple(sorted([*differing, *named]))))
        return found

    def counted(self, subject: str, owner: tuple[str, str]) -> list[str]:
        """Names of a subject that count together for what they share, such as all data sets of a source.

        All of them. But where the files define what is shared themselves, only those that the files name and those of
        the chosen experiment: a file that stands on its own means the same with the catalogue beneath it.

        Args:
            subject: datasets or experiments.
            owner: subject and name of what they share.
        """
        names = list(getattr(self.model, subject))
        if owner not in self.own:
            return names
        used = {"datasets": self.datasets(), "experiments": [self.name, *self.experiment.also]}[subject]
        return [name for name in names if (subject, name) in self.own or name in used]

    def quantisations(self) -> list[Quantisation]:
        """Ways in which runs of the experiment are evaluated: that of all tables, then the further ones."""
        return list(dict.fromkeys([self.model.retrieval.quantise, *self.experiment.quantised]))

    def others(self) -> list[Run]:
        """Runs of the experiments that the chosen one shows along with its own."""
        return [run for name in self.experiment.also for run in self.runs(name)]

    def untrained(self) -> list[Run]:
        """What runs begin with, undivided and encoded as the recipe says: backbones, and adapted ones; no controls."""
        adapted = self.adapted()
        return [
            Run(self.experiment.recipe, name, Variant(1.0, adapted=after), 0, trained=False)
            for name in self.backbones()
            if self.backbone(name).control is None
            for after in ([False, True] if name in adapted else [False])
        ]

    def ready(self) -> list[Run]:
        """Models of the experiment that others have trained, in its order."""
        quantise = self.model.retrieval.quantise
        names = dict.fromkeys(self.experiment.models)
        return [Run(READY, name, Variant(1.0), 0, quantise=quantise, ready=True) for name in names]

    def given_on(self, name: str) -> list[str]:
        """Data sets that a run of others ranks, of those that the experiment is tested on, in its order."""
        given = self.experiment.runs[name]
        return [dataset for dataset in self.test_sets() if dataset in (*given.files, *given.vectors)]

    def experiment_of(self, recipe: str) -> str | None:
        """The chosen experiment, or one of those it shows along, that trains by a recipe."""
        names = [self.name, *self.experiment.also]
        return next((name for name in names if self.model.experiments[name].recipe == recipe), None)

    def backbones(self) -> list[str]:
        """Backbones that the experiment trains, in file order."""
        used = {run.backbone for run in self.runs()}
        return [name for name in self.model.backbones if name in used]

    def adapted(self) -> list[str]:
        """Backbones of the experiment that have an adapted variant, in file order."""
        found = {run.backbone for run in self.runs() if run.variant.adapted}
        return [name for name in self.model.backbones if name in found]

    def backbones_made(self) -> list[str]:
        """Backbones that the experiment trains, and those that they are inflated from."""
        names = self.backbones()
        return list(dict.fromkeys([*names, *filter(None, (self.backbone(name).of for name in names))]))

    def datasets(self) -> list[str]:
        """Data sets that the experiment trains on, is tested on, or pretrains a backbone on."""
        pretraining = filter(None, (self.backbone(name).pretrain for name in self.backbones_made()))
        texts = [settings.text for settings in pretraining]
        return list(dict.fromkeys([*self.shown_sets(), *texts]))

    def shown_sets(self) -> list[str]:
        """The data set that the experiment trains on, where it trains, and all that it is scored on."""
        trained_on = [self.experiment.train_on] if self.experiment.grid else []
        return list(dict.fromkeys([*trained_on, *self.evaluation_sets()]))

    def test_sets(self) -> list[str]:
        """In-domain sets, then out-of-domain sets: what runs are judged by."""
        return [*self.experiment.in_domain, *self.experiment.out_of_domain]

    def evaluation_sets(self) -> list[str]:
        """All that runs are scored on: the test sets, then the development sets."""
        return [*self.test_sets(), *self.experiment.development]

    def backbone(self, name: str) -> BackboneConfig:
        """Settings of a backbone; a UserError where there is none of that name."""
        return _named("backbone", name, self.model.backbones)

    def dataset(self, name: str) -> Dataset:
        """Settings of a data set; a UserError where there is none of that name."""
        return _named("data set", name, self.model.datasets)

    def source(self, name: str) -> SourceConfig:
        """Settings of a source; a UserError where there is none of that name."""
        return _named("source", name, self.model.sources)

    def recipe_named(self, name: str) -> RecipeConfig:
        """Settings of a recipe; a UserError where there is none of that name."""
        return _named("recipe", name, self.model.recipes)

    def title(self, kind: str, name: str) -> str:
        """Display name of a backbone or data set."""
        entries: Mapping[str, Any] = self.model.backbones if kind == "backbone" else self.model.datasets
        return str(entries[name].title or name)

    def encoding_precision(self, train: TrainSettings) -> Precision:
        """The precision in which a model trained with these settings encodes."""
        chosen = self.model.retrieval.precision
        return train.precision if chosen == "auto" else chosen

    def run_settings(self, run: Run) -> TrainSettings:
        """Effective settings of a run of the chosen experiment, or of one that it shows along; lambdas at its k."""
        settings = self.train_settings(run.backbone, self.experiment_of(run.recipe), run.variant.over)
        return settings if run.variant.unchosen else settings.at_scale(run.variant.scale)

    def train_settings(
        self, backbone: str, experiment: str | None = None, over: Sequence[tuple[str, Scalar]] = ()
    ) -> TrainSettings:
        """Effective settings of a backbone's runs: recipe, then experiment, then backbone, then the variant's own.

        Args:
            over: the variant's own; RECIPE among them names another recipe than the experiment's.

        Raises:
            UserError: a setting of the variant is unknown, or cannot have that value.
        """
        chosen = self.model.experiments[experiment or self.name]
        recipe = str(dict(over).get(RECIPE, chosen.recipe))
        over = [(name, value) for name, value in over if name != RECIPE]
        for name, _ in over:
            _named("training setting", name, TrainSettings.model_fields)
        layers = (chosen.train, self.backbone(backbone).train)
        merged = _named("recipe", recipe, self.model.recipes).train.model_dump()
        for layer in layers:
            merged.update(layer.model_dump(exclude_unset=True))
        try:
            return TrainSettings.model_validate(merged | dict(over))
        except ValidationError as error:
            if not over:
                raise
            first = error.errors()[0]
            named = ".".join(map(str, first["loc"])) or "these settings together"
            raise UserError(f"{named}: {first['msg'].removeprefix('Value error, ')}") from None


def _named(what: str, name: str, entries: Mapping[str, Entry]) -> Entry:
    if name not in entries:
        raise unknown(what, name, entries)
    return entries[name]
