"""What the entries of a configuration say of one another: names that must exist, keys that must go together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rescalade.config.datasets import check_corpus, check_measures
from rescalade.config.errors import Lines, Location
from rescalade.config.model import BackboneConfig, ClaimName, ConfigModel, ExperimentConfig
from rescalade.errors import UserError, unknown
from rescalade.models.families import FAMILIES, OTHER_NAMES
from rescalade.runs import READY

BACKBONE_KEYS = {
    "pretrain": ("pretrain",),
    "local": ("path",),
    "hub": ("id",),
    "wheel": ("package", "sha256", "member"),
    "inflate": ("of",),
}
"""Keys of a backbone that its source needs and others have no use for."""


READY_SOURCES = ("local", "hub")
"""Sources of backbones that can be sparse retrievers already."""


def check_references(model: ConfigModel, lines: Lines) -> None:
    """Refuse names that point at nothing, and entries whose keys do not go together.

    Raises:
        UserError: the first of them, with its place.
    """

    def known(what: str, name: str, valid: Mapping[str, Any], *location: int | str) -> None:
        if name not in valid:
            raise unknown(what, name, valid, lines.place(location))

    if READY in model.recipes:
        raise UserError(
            f"{lines.place(('recipes', READY))}recipes.{READY}: this name stands for models that others have trained; "
            "choose another"
        )
    for name, dataset in model.datasets.items():
        check_corpus(name, model.datasets, lines)
        check_measures(name, dataset, lines)
    for name, backbone in model.backbones.items():
        _check_backbone(name, backbone, lines)
        if backbone.pretrain is not None:
            known("data set", backbone.pretrain.text, model.datasets, "backbones", name, "pretrain", "text")
        if backbone.of is not None:
            known("backbone", backbone.of, model.backbones, "backbones", name, "of")
            if model.backbones[backbone.of].source == "inflate":
                place = lines.place(("backbones", name, "of"))
                raise UserError(
                    f"{place}backbones.{name}.of: {backbone.of!r} is inflated itself; name the one it comes from"
                )
        if backbone.twin is not None:
            known("backbone", backbone.twin, model.backbones, "backbones", name, "twin")
    for name, experiment in model.experiments.items():
        here: Location = ("experiments", name)
        _check_kind(name, experiment, lines)
        if experiment.grid:
            known("recipe", experiment.recipe, model.recipes, *here, "recipe")
            known("data set", experiment.train_on, model.datasets, *here, "train_on")
        for number, backbone_name in enumerate(experiment.models):
            known("backbone", backbone_name, model.backbones, *here, "models", number)
            if (source := model.backbones[backbone_name].source) not in READY_SOURCES:
                raise UserError(
                    f"{lines.place((*here, 'models', number))}experiments.{name}.models: {backbone_name} is of source "
                    f"{source}, which trains no retriever; expected one of source {' or '.join(READY_SOURCES)}"
                )
        for key in ("in_domain", "out_of_domain", "development"):
            for number, dataset_name in enumerate(getattr(experiment, key)):
                known("data set", dataset_name, model.datasets, *here, key, number)
        for number, dataset_name in enumerate(experiment.development):
            if dataset_name in (experiment.train_on, *experiment.in_domain, *experiment.out_of_domain):
                place = lines.place((*here, "development", number))
                raise UserError(
                    f"{place}experiments.{name}.development: {dataset_name} is trained or tested on too; name a set of "
                    "other queries, such as `part: development` of it"
                )
        for given, ranked in experiment.runs.items():
            for kind, named in (("files", ranked.files), ("vectors", ranked.vectors)):
                for dataset_name in named:
                    known("data set", dataset_name, model.datasets, *here, "runs", given, kind, dataset_name)
        for number, other in enumerate(experiment.also):
            known("experiment", other, model.experiments, *here, "also", number)
            _check_also(model, name, other, lines.place((*here, "also", number)))
        for number, claim in enumerate(experiment.expect):
            known("claim", claim, dict.fromkeys(ClaimName), *here, "expect", number)
        for block, entry in enumerate(experiment.grid):
            _check_numbers(lines, (*here, "grid", block, "scales"), "scale", "k", entry.scales)
            _check_numbers(lines, (*here, "grid", block, "offsets"), "offset", "c", entry.offsets)
            _check_adapted(model, name, block, lines)
            _check_readings(model, name, block, lines)
            for number, backbone_name in enumerate(entry.backbones):
                known("backbone", backbone_name, model.backbones, *here, "grid", block, "backbones", number)


def _check_kind(name: str, experiment: ExperimentConfig, lines: Lines) -> None:
    """An experiment trains, which takes a recipe and data, or evaluates what is there, or both."""
    place = lines.place(("experiments", name))
    if not experiment.grid and not experiment.models and not experiment.runs:
        raise UserError(
            f"{place}experiments.{name}: nothing to do; give it a `grid` of runs to train, `models` that are trained "
            "already, or `runs` that others have ranked"
        )
    for key in ("recipe", "train_on"):
        if experiment.grid and not getattr(experiment, key):
            raise UserError(f"{place}experiments.{name}.{key}: required where there is a grid of runs to train")
    if experiment.grid:
        return
    for key in ("also", "quantised", "expect", "development"):
        if getattr(experiment, key):
            raise UserError(
                f"{place}experiments.{name}.{key}: has no meaning where nothing is trained; give the experiment a "
                "grid, or take it out"
            )


def _masked(model: ConfigModel, name: str) -> bool:
    """Whether a backbone is known to be a masked language model, by what the file says of it or of its origin."""
    backbone = model.backbones[name]
    if backbone.of is not None:
        return backbone.of in model.backbones and _masked(model, backbone.of)
    model_type = backbone.model_type if backbone.pretrain is None else backbone.pretrain.family
    return model_type in FAMILIES and not FAMILIES[model_type].causal


def _check_also(model: ConfigModel, name: str, other: str, place: str) -> None:
    """Runs are told apart by their recipe, and one set of training data serves them all."""
    chosen, added = model.experiments[name], model.experiments[other]
    named = [model.experiments[n].recipe for n in (name, *chosen.also)]
    if named.count(added.recipe) > 1:
        raise UserError(f"{place}experiments.{name}.also: {other} has recipe {added.recipe!r}, which is there already")
    if added.train_on != chosen.train_on:
        raise UserError(
            f"{place}experiments.{name}.also: {other} trains on {added.train_on!r}, not {chosen.train_on!r}"
        )
    if any("auto" in entry.scales for entry in added.grid):
        raise UserError(f"{place}experiments.{name}.also: {other} has an automatic scale, whose audit is not made here")
    lacking = [
        d for d in (*chosen.in_domain, *chosen.out_of_domain) if d not in (*added.in_domain, *added.out_of_domain)
    ]
    if lacking:
        raise UserError(f"{place}experiments.{name}.also: {other} is not tested on {lacking[0]!r}")


def _check_numbers(lines: Lines, place: Location, kind: str, letter: str, values: Sequence[float | str | None]) -> None:
    """A number of a variant must survive being written into a folder's name."""
    for number, value in enumerate(values):
        if not isinstance(value, int | float):
            continue
        written = f"{value:g}"
        if "e" in written or float(written) != value:
            raise UserError(
                f"{lines.place((*place, number))}{kind} {value!r}: write {letter} with at most six digits and no "
                "exponent, for example 0.125"
            )


def _check_adapted(model: ConfigModel, experiment: str, block: int, lines: Lines) -> None:
    """A grid that asks for adapted backbones has a recipe that says how, and causal backbones."""
    recipe, entry = model.experiments[experiment].recipe, model.experiments[experiment].grid[block]
    if not any(entry.adapted):
        return
    place = lines.place(("experiments", experiment, "grid", block, "adapted"))
    if model.recipes[recipe].adaptation is None:
        raise UserError(
            f"{place}experiments.{experiment}.grid[{block}].adapted: recipe {recipe!r} has no `adaptation` phase; give "
            "it one, or leave `adapted` out"
        )
    if "auto" in entry.scales:
        raise UserError(
            f"{place}experiments.{experiment}.grid[{block}].adapted: the scale `auto` is chosen on the backbone before "
            "its adaptation; name the scales of adapted ones, in a block of their own"
        )
    for name in entry.backbones:
        if name in model.backbones and _masked(model, name):
            raise UserError(
                f"{place}experiments.{experiment}.grid[{block}].adapted: backbone {name!r} is a masked language model, "
                "which predicts no next token; put it into a block of its own"
            )


def _check_readings(model: ConfigModel, experiment: str, block: int, lines: Lines) -> None:
    """Only causal backbones have a choice of readings."""
    entry = model.experiments[experiment].grid[block]
    for name in entry.backbones if entry.readings != ["causal"] else ():
        if name in model.backbones and _masked(model, name):
            place = lines.place(("experiments", experiment, "grid", block, "readings"))
            raise UserError(
                f"{place}experiments.{experiment}.grid[{block}].readings: {name} is a masked language model and reads "
                "both ways already; take it out of this block, or the readings"
            )


def _check_backbone(name: str, backbone: BackboneConfig, lines: Lines) -> None:
    needed = BACKBONE_KEYS[backbone.source]
    place = lines.place(("backbones", name))
    for key in (key for keys in BACKBONE_KEYS.values() for key in keys):
        present = getattr(backbone, key) is not None
        if key in needed and not present:
            raise UserError(f"{place}backbones.{name}.{key}: required for source: {backbone.source}")
        if key not in needed and present:
            raise UserError(f"{place}backbones.{name}.{key}: has no meaning for source: {backbone.source}; remove it")
    if backbone.trained and backbone.source not in READY_SOURCES:
        raise UserError(f"{place}backbones.{name}.trained: has no meaning for source: {backbone.source}; remove it")
    if backbone.source == "hub" and backbone.revision is None:
        raise UserError(f"{place}backbones.{name}.revision: required for source: hub; the commit makes runs repeatable")
    if backbone.model_type is not None:
        if backbone.source not in ("hub", "wheel"):
            raise UserError(
                f"{place}backbones.{name}.model_type: has no meaning for source: {backbone.source}; remove it"
            )
        if backbone.model_type not in (known := {*FAMILIES, *OTHER_NAMES}):
            raise unknown("model_type", backbone.model_type, known, f"{place}backbones.{name}: ")
    inflated = backbone.factor != 1.0 or backbone.shift != 0.0 or backbone.bias or backbone.control is not None
    if inflated and backbone.source != "inflate":
        raise UserError(
            f"{place}backbones.{name}: factor, bias, shift and control go with source: inflate, and only there"
        )
    if backbone.source == "inflate" and backbone.factor == 1.0 and backbone.shift == 0.0:
        raise UserError(f"{place}backbones.{name}: source: inflate needs a factor other than 1, or a shift")
    wanted = {"norm": backbone.factor != 1.0 and backbone.bias and not backbone.shift, "offset": backbone.factor == 1.0}
    if backbone.control is not None and not wanted[backbone.control]:
        raise UserError(
            f"{place}backbones.{name}.control: {backbone.control!r} changes that alone: a factor with bias: true and "
            "no shift for norm, a shift and no factor for offset"
        )
