"""Reads configuration files and checks every experiment in them before anything runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rescalade.config.catalogue import FOLDER, over_catalogue, read_catalogue
from rescalade.config.check_factors import check_factors
from rescalade.config.check_predictions import check_predictions
from rescalade.config.config import Config
from rescalade.config.errors import Lines, explain
from rescalade.config.files import merge, read_file
from rescalade.config.model import ConfigModel
from rescalade.config.over import check_modes, check_over
from rescalade.config.references import check_references
from rescalade.config.valid_keys import valid_keys
from rescalade.errors import UserError, unknown


def load_config(paths: Sequence[Path], experiment: str | None = None, *, catalogue: Path | None = FOLDER) -> Config:
    """Read files, the later over the earlier and all over the catalogue key by key, and validate all of it.

    Args:
        paths: YAML files.
        experiment: instead of the file's `experiment`.
        catalogue: folder of what lies beneath; None for files that hold everything, as a snapshot does.

    Raises:
        UserError: a file is missing or not YAML; a key, value or name in it is wrong; an entry is of another kind than
            the catalogue's of that name.
    """
    found = read_values(paths, catalogue)
    values = found.values
    if experiment is not None:
        values.setdefault("experiment", experiment)
    config = build_config(values, experiment, found.lines, found.own)
    notices = (*found.notices, *_seen_in_training(config))
    return replace(config, values=values, notices=notices, files=tuple(paths))


@dataclass(frozen=True)
class Read:
    """Configuration files as read: see `Config`, whose parts these become."""

    values: dict[str, Any]
    lines: Lines
    notices: tuple[str, ...]
    own: frozenset[tuple[str, str]]


def read_values(paths: Sequence[Path], catalogue: Path | None = FOLDER) -> Read:
    """Read files, the later over the earlier and all over the catalogue key by key; nothing is validated.

    Raises:
        UserError: a file is missing or not YAML; an entry is of another kind than the catalogue's of that name.
    """
    own: dict[str, Any] = {}
    own_lines, lines, notices = Lines(), Lines(), list[str]()
    for path in paths:
        own = merge(own, read_file(path, own_lines))
    if catalogue is None:
        values = own
    else:
        beneath = read_catalogue(catalogue)
        values, notices = over_catalogue(beneath, own, own_lines)
        lines.update(beneath.lines)
    lines.update(own_lines)
    named = () if catalogue is None else own.items()
    pairs = frozenset((subject, str(name)) for subject, some in named if isinstance(some, dict) for name in some)
    return Read(values, lines, tuple(notices), pairs)


def _seen_in_training(config: Config) -> list[str]:
    """A line for each data set that the chosen experiment trains on and is tested on, by its name or by what it is."""
    if not config.experiment.grid:
        return []

    def content(name: str) -> dict[str, Any]:
        return config.dataset(name).model_dump(exclude={"title", "metric", "measures", "depth", "limit"})

    train = config.experiment.train_on
    return [
        f"{config.lines.place(('experiments', config.name))}experiment {config.name} trains on {train} and is tested "
        f"on {name}, {'the same set' if name == train else 'which has the same texts'}: its scores say nothing of "
        "other queries"
        for name in config.evaluation_sets()
        if name == train or content(name) == content(train)
    ]


def build_config(
    values: Mapping[str, Any],
    experiment: str | None = None,
    lines: Lines | None = None,
    own: frozenset[tuple[str, str]] = frozenset(),
) -> Config:
    """Validate a configuration that is already a mapping, with nothing beneath it; see `load_config` and `Config`."""
    lines = lines or Lines()
    try:
        model = ConfigModel.model_validate(values)
    except ValidationError as error:
        raise explain(error, lines, valid_keys) from None
    name = experiment or model.experiment
    if name not in model.experiments:
        place = "" if experiment else lines.place(("experiment",))
        raise unknown("experiment", name, model.experiments, place)
    config = Config(model, name, lines, values, own=own)
    check_references(model, lines)
    _check_shared_runs(config)
    check_over(model, config.train_settings, lines)
    check_modes(model, config.train_settings, lines)
    predicted = [key for key, one in model.experiments.items() if one.predictions or one.explanations or one.contrasts]
    cells = {key: [(run.backbone, run.variant.name) for run in config.runs(key)] for key in predicted}
    check_predictions(model, cells, lines)
    factored = [key for key, one in model.experiments.items() if one.factors is not None]
    check_factors(model, {key: [(run.backbone, run.variant) for run in config.runs(key)] for key in factored}, lines)
    return config


def _check_shared_runs(config: Config) -> None:
    """Experiments share a run's folder, so they must agree on what makes it."""
    seen: dict[tuple[str, str], tuple[str, str]] = {}
    named = {name for subject, name in config.own if subject == "experiments"}
    shown = {*named, config.name, *config.experiment.also} if named else set(config.model.experiments)
    for name, experiment in config.model.experiments.items():
        if name not in shown:
            continue  # of the catalogue, which is consistent in itself
        for backbone in dict.fromkeys(b for entry in experiment.grid for b in entry.backbones):
            try:
                settings = config.train_settings(backbone, name)
            except ValidationError as error:
                raise explain(error, config.lines, valid_keys) from None
            text = json.dumps([experiment.train_on, settings.model_dump()], sort_keys=True)
            other = seen.setdefault((experiment.recipe, backbone), (name, text))
            if other[1] != text:
                raise UserError(
                    f"experiments {other[0]!r} and {name!r} both train {backbone!r} by recipe {experiment.recipe!r}, "
                    "but with different settings or data; give one of them a recipe of its own"
                )
