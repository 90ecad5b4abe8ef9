"""Backbones, their audit before training, and their divided heads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.errors import UserError
from rescalade.pipeline.rows.data import COLLECTION, TEXTS, of_collection, training_text
from rescalade.pipeline.rows.libraries import FRAMES, KERNELS, MODELS
from rescalade.pipeline.stage_row import Inputs, Made, Names, Stage, UserFiles
from rescalade.variants import Variant

if TYPE_CHECKING:
    from rescalade.adaptation.settings import AdaptationSettings
    from rescalade.audit.settings import AuditSettings
    from rescalade.backbones.settings import BackboneSettings, ReadySettings
    from rescalade.config import Config
    from rescalade.rescaling.settings import RescaleSettings


def backbone_settings(config: Config, names: Names) -> BackboneSettings:
    """Where the model comes from."""
    from rescalade.backbones.settings import BackboneSettings

    chosen = config.backbone(names["backbone"])
    values = {name: getattr(chosen, name) for name in BackboneSettings.model_fields if name != "known"}
    return BackboneSettings(**values, known=_other_ids(config, chosen.id))


def _other_ids(config: Config, own: str | None) -> tuple[str, ...]:
    """Ids on the hub of the other backbones, one of which may have been meant."""
    others = [other.id for other in config.model.backbones.values()]
    return tuple(other for other in others if other is not None and other != own)


def ready_settings(config: Config, names: Names) -> ReadySettings:
    """Where a model comes from that others have trained.

    Raises:
        UserError: it is made here, of another source.
    """
    from rescalade.backbones.settings import ReadySettings
    from rescalade.config.references import READY_SOURCES

    chosen = config.backbone(names["backbone"])
    if chosen.source not in READY_SOURCES:
        raise UserError(
            f"backbone {names['backbone']} is of source {chosen.source}, which trains no retriever; expected one of "
            f"source {' or '.join(READY_SOURCES)}"
        )
    values = {name: getattr(chosen, name) for name in ReadySettings.model_fields if name != "known"}
    return ReadySettings(**values, known=_other_ids(config, chosen.id))


def _ready_inputs(config: Config, names: Names) -> Inputs:
    """The local folder; nothing for one of the hub."""
    path = config.backbone(names["backbone"]).path
    return {} if path is None else _local(path)


def _local(path: str) -> Inputs:
    """A model folder of the user's, by the files in it that count."""
    from rescalade.models.model_files import model_files

    folder = Path(path).expanduser()
    # of a folder that is no model, the file that should be there
    return {"origin": UserFiles(folder, tuple(model_files(folder) or [folder / "config.json"]))}


def _backbone_inputs(config: Config, names: Names) -> Inputs:
    """Text to pretrain on, another backbone, a local folder; nothing for one from the hub or a wheel."""
    chosen = config.backbone(names["backbone"])
    if chosen.pretrain is not None:
        return of_collection(chosen.pretrain.text, *COLLECTION)
    if chosen.of is not None:
        return {"model": Made("backbone", (chosen.of,), "model")}
    return {} if chosen.path is None else _local(chosen.path)


def audit_settings(config: Config, names: Names) -> AuditSettings:
    """The first micro-batch of the recipe, and every variant of the backbone in any experiment of the recipe.

    Not only the chosen experiment's: experiments share an audit, and going from one to the other must not redo it.

    Raises:
        UserError: the recipe is not the experiment's, which decides text and lengths.
    """
    from rescalade.audit.settings import OFFSETS, AuditSettings
    from rescalade.texts.text_settings import TextSettings

    name, recipe = names["backbone"], config.experiment.recipe
    _check_recipe(config, names, f"audit of {name}")
    chosen, train = config.backbone(name), config.train_settings(name)
    counted = config.counted("experiments", ("recipes", recipe))
    experiments = [key for key in counted if config.model.experiments[key].recipe == recipe]
    # of the backbone as it came: without offset and adaptation, and read as it was made to read
    tried = {
        Variant(run.variant.scale, run.variant.mode, run.variant.bias, run.variant.rule)
        for key in experiments
        for run in config.runs(key)
        if run.backbone == name
    }
    of_training = ("batch_size", "temperature", "activation", *TextSettings.model_fields)
    own = [run.variant.offset for key in experiments for run in config.runs(key) if run.backbone == name]
    lowered = {offset for offset in own if offset is not None}
    return AuditSettings(
        train_on=config.experiment.train_on,
        variants=tuple(variant.name for variant in sorted(tried, key=lambda variant: variant.name)),
        **{key: getattr(train, key) for key in of_training},
        inflate=chosen.factor,
        offsets=tuple(sorted({*OFFSETS, *lowered})) if lowered else (),
        check_norm=chosen.check_norm and chosen.source in ("hub", "local"),
        id=chosen.id,
    )


def _check_recipe(config: Config, names: Names, what: str) -> None:
    """Refuse a recipe that is not the experiment's, which decides text and lengths."""
    if names["recipe"] != config.experiment.recipe:
        raise _other_recipe(config, names, what)


def _other_recipe(config: Config, names: Names, what: str) -> UserError:
    return UserError(
        f"{what}: recipe {names['recipe']!r} is not that of experiment {config.name!r}, {config.experiment.recipe!r}; "
        "name another experiment with --experiment"
    )


def _audit_inputs(config: Config, names: Names) -> Inputs:
    """The backbone and the training text of the experiment."""
    return {"model": Made("backbone", (names["backbone"],), "model"), **training_text(config, names["recipe"])}


def adapt_settings(config: Config, names: Names) -> AdaptationSettings:
    """The recipe's adaptation phase, and the data that the experiment trains on.

    Raises:
        UserError: the recipe has none.
    """
    from rescalade.adaptation.settings import AdaptationSettings

    chosen = config.recipe_named(names["recipe"]).adaptation
    if chosen is None:
        raise UserError(f"recipe {names['recipe']!r} has no `adaptation`; give it one")
    config.backbone(names["backbone"])  # known, or refused by name
    return AdaptationSettings(**dict(chosen), train_on=config.experiment.train_on)


def _adapt_inputs(config: Config, names: Names) -> Inputs:
    """The backbone and the passages of the training data."""
    passages = of_collection(config.experiment.train_on, "corpus", "manifest")
    return {"model": Made("backbone", (names["backbone"],), "model"), **passages}


def rescale_settings(config: Config, names: Names) -> RescaleSettings:
    """The variant, and with an offset how the recipe lays out the texts that it is measured on.

    Raises:
        UserError: they are to be laid out by another recipe than the experiment's.
    """
    from rescalade.rescaling.settings import RescaleSettings
    from rescalade.texts.text_settings import TextSettings

    variant = Variant.parse(names["variant"])
    texts = None
    if variant.offset is not None:
        experiment = config.experiment_of(names["recipe"])
        if experiment is None:
            raise _other_recipe(config, names, f"offset of {names['backbone']}")
        train = config.train_settings(names["backbone"], experiment)
        texts = TextSettings(**{name: getattr(train, name) for name in TextSettings.model_fields})
    of_variant = (name for name in RescaleSettings.model_fields if name != "texts")
    return RescaleSettings(**{name: getattr(variant, name) for name in of_variant}, texts=texts)


def _rescale_inputs(config: Config, names: Names) -> Inputs:
    """The backbone, adapted where the variant says so.

    Its audit as well where a rule chooses k, and the training text where it has an offset.
    """
    variant = Variant.parse(names["variant"])
    found: Inputs = {"model": Made("backbone", (names["backbone"],), "model")}
    if variant.adapted:
        found["model"] = Made("adapt", (names["backbone"], names["recipe"]), "model")
    if variant.rule is not None:
        found["audit"] = Made("audit_backbone", (names["backbone"], names["recipe"]), "audit")
    if variant.offset is not None:
        found |= of_collection(config.experiment.train_on, *TEXTS)
    return found


def _rescale(name: str, names: tuple[str, ...], options: str, place: str) -> Stage:
    return Stage(
        name=name,
        command=f"rescale {{backbone}} --variant {{variant}}{options}",
        names=names,
        run="rescalade.rescaling.rescale_stage:run_rescale",
        libraries=MODELS,
        settings=rescale_settings,
        inputs=_rescale_inputs,
        outputs={"model": f"{{results}}/rescaled/{{backbone}}/{place}"},
        folders=("model",),
        minutes=30,
    )


ROWS = (
    Stage(
        name="backbone",
        command="backbone {backbone}",
        names=("backbone",),
        run="rescalade.backbones.backbone_stage:run_backbone",
        seconds=12,
        libraries=FRAMES + KERNELS + MODELS,
        settings=backbone_settings,
        inputs=_backbone_inputs,
        outputs={"model": "{results}/backbones/{backbone}"},
        folders=("model",),
        caches={
            "unfinished": "{results}/.checkpoints",
            "hub": "{results}/hub",
            "tokens": "{results}/tokens/pretraining",
        },
        user_files=True,
        gpu=True,
        minutes=240,
    ),
    Stage(
        name="ready",
        command="ready {backbone}",
        names=("backbone",),
        run="rescalade.backbones.ready_stage:run_ready",
        settings=ready_settings,
        inputs=_ready_inputs,
        outputs={"model": "{results}/ready/{backbone}"},
        user_files=True,
        folders=("model",),
        caches={"hub": "{results}/hub"},
        minutes=240,
    ),
    Stage(
        name="audit_backbone",
        command="audit {backbone} --recipe {recipe}",
        names=("backbone", "recipe"),
        run="rescalade.audit.audit_stage:run_audit",
        seconds=5.5,
        libraries=FRAMES + KERNELS + MODELS,
        settings=audit_settings,
        inputs=_audit_inputs,
        outputs={
            "audit": "{results}/audit/{recipe}/{backbone}.json",
            "record": "{results}/audit/{recipe}/{backbone}.record.json",
        },
        gpu=True,
    ),
    Stage(
        name="adapt",
        command="adapt {backbone} --recipe {recipe}",
        names=("backbone", "recipe"),
        run="rescalade.adaptation.adapt_stage:run_adapt",
        seconds=30,
        libraries=FRAMES + MODELS,
        settings=adapt_settings,
        inputs=_adapt_inputs,
        outputs={"model": "{results}/adapted/{backbone}/{recipe}"},
        folders=("model",),
        caches={"unfinished": "{results}/.checkpoints"},
        gpu=True,
        minutes=720,
    ),
    _rescale("rescale", ("backbone", "variant"), "", "{variant}"),
    # a k that a rule chooses depends on the recipe, whose text its audit saw; so does an adapted backbone
    _rescale("rescale_by_rule", ("backbone", "variant", "recipe"), " --recipe {recipe}", "{recipe}/{variant}"),
)
