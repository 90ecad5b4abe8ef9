"""What an experiment takes of the configuration: data sets, sources, backbones, recipes."""

from __future__ import annotations

from collections.abc import Iterable

from rescalade.config import Config


def made_from(config: Config, backbones: Iterable[str]) -> list[str]:
    """Backbones and those that they are inflated from."""
    names = list(backbones)
    return list(dict.fromkeys([*names, *filter(None, (config.backbone(name).of for name in names))]))


def hub_backbones(config: Config) -> list[str]:
    """Backbones of the experiment, and those that they are made from, which come from the model hub."""
    return [name for name in made_from(config, config.backbones()) if config.backbone(name).source == "hub"]


def needed_datasets(config: Config) -> list[str]:
    """Data sets that the experiment trains on, is tested on, or pretrains a backbone on."""
    pretraining = [config.backbone(name).pretrain for name in made_from(config, config.backbones())]
    texts = [settings.text for settings in pretraining if settings is not None]
    return list(dict.fromkeys([config.experiment.train_on, *config.evaluation_sets(), *texts]))


def staged_sources(config: Config) -> list[str]:
    """Sources that fetch or read something once for all their data sets."""
    return [name for name, source in config.model.sources.items() if source.has_stage]


def recipes(config: Config) -> list[str]:
    """Recipes of the experiment's runs and of those that it shows along."""
    return list(dict.fromkeys(run.recipe for run in [*config.runs(), *config.others()]))
