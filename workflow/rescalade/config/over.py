"""Checks of `over` in a grid: training settings that are an axis of an experiment."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from rescalade.config.errors import Lines
from rescalade.config.model import ConfigModel, GridEntry, RecipeConfig
from rescalade.errors import UserError, unknown
from rescalade.texts.text_settings import TextSettings
from rescalade.training.settings import TrainSettings
from rescalade.variants import OF_WEIGHTS, PATTERN, Scalar

RECIPE = "recipe"
"""Beside settings of training, what `over` may name: another recipe, all of whose training settings hold."""
Settings = Callable[[str, str, Sequence[tuple[str, Scalar]]], TrainSettings]
"""Of a backbone and an experiment, with settings over the recipe's."""


_AUDITED = {*TextSettings.model_fields, "activation", "temperature", "batch_size"}
"""Settings of training that an audit has from the recipe."""


def check_modes(model: ConfigModel, settings_of: Settings, lines: Lines) -> None:
    """Refuse settings of training that the mode of a variant leaves nothing for.

    These are a multiplier that is trained where there is none, and a learning rate of its own for an output projection
    that is the input embedding too. Whether it is one, a backbone that is pretrained here says before it is there, and
    one that is inflated from it; of any other training asks the model.

    Raises:
        UserError: the first of them, with its place.
    """
    for experiment, chosen in model.experiments.items():
        for block, entry in enumerate(chosen.grid):
            place = f"{lines.place(('experiments', experiment, 'grid', block))}experiments.{experiment}.grid[{block}]"
            for backbone in entry.backbones:
                recipes = [model.recipes[chosen.recipe], *_recipes(model, entry)]
                layers = (*(recipe.train for recipe in recipes), chosen.train, model.backbones[backbone].train)
                if not any(_said(name, entry, layers) for name in ("train_multiplier", "decoder_learning_rate")):
                    continue
                for variant in entry.variants():
                    settings = settings_of(backbone, experiment, variant.over)
                    if variant.mode != "multiplier" and settings.train_multiplier:
                        raise UserError(
                            f"{place}: variant {variant.name} of {backbone} is to train its multiplier "
                            f"(train_multiplier), and the mode {variant.mode!r} has none; take `modes: [multiplier]`, "
                            "or leave the setting out"
                        )
                    rate = settings.decoder_learning_rate
                    if rate != 1 and variant.mode != "untied" and _made_tied(model, backbone):
                        raise UserError(
                            f"{place}: variant {variant.name} of {backbone} is to train its output projection at "
                            f"{rate:g} times the learning rate (decoder_learning_rate), but in the mode "
                            f"{variant.mode!r} that is its input embedding as well (tied); take `modes: [untied]`, or "
                            "leave the setting out"
                        )


def _said(name: str, entry: GridEntry, layers: Sequence[Any]) -> bool:
    """Whether a setting may have another value than its usual one in a block."""
    usual = TrainSettings.model_fields[name].default
    return name in entry.over or any(getattr(layer, name) not in (None, usual) for layer in layers)


def _recipes(model: ConfigModel, entry: GridEntry) -> list[RecipeConfig]:
    """Recipes that a block names beside the experiment's; what is none, `check_over` refuses."""
    return [model.recipes[str(name)] for name in entry.over.get(RECIPE, ()) if str(name) in model.recipes]


def _made_tied(model: ConfigModel, backbone: str) -> bool:
    """Whether a backbone is known to have a tied head before it is there."""
    found = model.backbones[backbone]
    if found.source == "inflate" and found.of is not None:
        return _made_tied(model, found.of)
    return found.source == "pretrain"


def check_over(model: ConfigModel, settings_of: Settings, lines: Lines) -> None:
    """Refuse settings that a recipe cannot have, or that a run's name cannot hold.

    Raises:
        UserError: the first of them, with its place.
    """
    for experiment, chosen in model.experiments.items():
        for block, entry in enumerate(chosen.grid):
            for name in entry.over:
                where = ("experiments", experiment, "grid", block, "over", name)
                place = f"{lines.place(where)}experiments.{experiment}.grid[{block}].over.{name}"
                if name == RECIPE:
                    _check_recipes(model, chosen.recipe, entry, place)
                    continue
                if name not in TrainSettings.model_fields:
                    raise unknown("training setting", name, [*TrainSettings.model_fields, RECIPE], f"{place}: ")
                if name in TextSettings.model_fields and entry.offsets != [None]:
                    raise UserError(
                        f"{place}: it lays out texts, on which the offsets of this block are measured by the recipe; "
                        "put it into a recipe of its own, and that into an experiment shown along (`also`)"
                    )
                if name in _AUDITED and "auto" in entry.scales and entry.rule not in OF_WEIGHTS:
                    raise UserError(
                        f"{place}: the rule {entry.rule!r} looks at term weights, and takes k from the audit of the "
                        "recipe, which has the recipe's own value; put it into a recipe of its own, and that into an "
                        f"experiment shown along (`also`), or take a rule of {', '.join(OF_WEIGHTS)}"
                    )
            for variant in entry.variants() if entry.over else ():
                for backbone in entry.backbones:
                    place = f"{lines.place(('experiments', experiment, 'grid', block, 'over'))}"
                    place += f"experiments.{experiment}.grid[{block}].over"
                    if re.fullmatch(PATTERN, variant.name) is None:
                        raise UserError(
                            f"{place}: {variant.name.partition('+')[2]} becomes part of a folder's name: letters, "
                            "digits, `.`, `_` and `-` alone can stand there"
                        )
                    try:
                        settings_of(backbone, experiment, variant.over)
                    except UserError as error:
                        raise UserError(f"{place}: {error}") from None


def _check_recipes(model: ConfigModel, own: str, entry: GridEntry, place: str) -> None:
    """Recipes whose training can begin with what the experiment's has made: the same examples, the same variants."""
    for value in entry.over[RECIPE]:
        if value not in model.recipes:
            raise unknown("recipe", str(value), model.recipes, f"{place}: ")
        other, ours = model.recipes[str(value)], model.recipes[own]
        if other.mining != ours.mining:
            raise UserError(
                f"{place}: the recipe {value} mines hard negatives otherwise than {own}, with whose examples all runs "
                f"of the experiment are trained ({other.mining!r}, here {ours.mining!r}); put it into an experiment "
                "shown along (`also`)"
            )
    if entry.offsets != [None] or any(entry.adapted) or ("auto" in entry.scales and entry.rule not in OF_WEIGHTS):
        raise UserError(
            f"{place}: offsets, adaptation and rules that look at term weights are of the experiment's own recipe; "
            "leave them out of this block, or put the recipe into an experiment shown along (`also`)"
        )
