"""From a divided backbone to vectors: loss at step 0, training, encoding and its speed.

Vectors are made alike of a trained run and of a backbone before any training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rescalade.errors import UserError
from rescalade.pipeline.rows.data import TEXTS, of_collection, training_text
from rescalade.pipeline.rows.libraries import FRAMES, KERNELS, MODELS, TRAINING
from rescalade.pipeline.stage_row import Inputs, Made, Names, Stage
from rescalade.runs import Run
from rescalade.variants import Variant
from rescalade.vectors.file_names import shard_digest_of, shard_name_of

if TYPE_CHECKING:
    from rescalade.config import Config
    from rescalade.encoding.settings import EncodeSettings
    from rescalade.encoding.speed_settings import SpeedSettings
    from rescalade.training.settings import RunSettings
    from rescalade.training.step0_settings import Step0Settings

RUN = "{results}/runs/{run}"
GROWING, VECTORS = f"{RUN}/encoding/{{dataset}}", f"{RUN}/vectors/{{dataset}}"
ENCODE_CACHES = {"tokens": "{results}/tokens/{dataset}", "encoding": GROWING, "vectors": VECTORS}
EXAMPLE_TOKENS = "{results}/tokens/examples"
UNTRAINED_TERMS = 256
"""Heaviest terms kept of a text that an untrained backbone encodes: such vectors can be almost dense, and 256 terms of
each of MS MARCO's passages take 11 GB."""


def own_run(config: Config, text: str) -> tuple[Run, str]:
    """A run and the experiment that decides its settings: the chosen one, or one that it shows along.

    Raises:
        UserError: it names the recipe of another experiment.
    """
    run = Run.parse(text)
    experiment = config.experiment_of(run.recipe)
    if experiment is None:
        raise UserError(
            f"run {text!r} is by recipe {run.recipe!r}, but experiment {config.name!r} trains by "
            f"{config.experiment.recipe!r}; name the run's experiment with --experiment"
        )
    return run, experiment


def train_settings(config: Config, names: Names) -> RunSettings:
    """The recipe's settings with those of experiment and backbone over them.

    Raises:
        UserError: the name is of an untrained backbone, or of another experiment's run.
    """
    from rescalade.training.settings import RunSettings

    run, experiment = own_run(config, names["run"])
    if run.ready:
        raise UserError(f"run {names['run']!r} is a model that others have trained; encode it, or name a recipe's run")
    if not run.trained:
        raise UserError(f"run {names['run']!r} is the backbone before any training; encode it, or name a seed")
    if run.quantise != "none":
        raise UserError(f"run {names['run']!r} is quantised to encode; train {run.training} itself")
    settings = config.train_settings(run.backbone, experiment, run.variant.over).model_dump()
    return RunSettings(**settings, seed=run.seed, train_on=config.experiment.train_on)


def _divided(backbone: str, variant: Variant, recipe: str) -> Made:
    """The divided backbone, which all variants share that differ in training alone."""
    variant = variant.start
    if variant.by_recipe:
        return Made("rescale_by_rule", (backbone, variant.name, recipe), "model")
    return Made("rescale", (backbone, variant.name), "model")


def _train_inputs(config: Config, names: Names) -> Inputs:
    """The divided backbone and the training text."""
    run = Run.parse(names["run"])
    return {"model": _divided(run.backbone, run.variant, run.recipe), **training_text(config, run.recipe)}


def step0_settings(config: Config, names: Names) -> Step0Settings:
    """What decides the loss of a run's first step, and the experiment's first seed, by which that run draws.

    Raises:
        UserError: the recipe is not the experiment's.
    """
    from rescalade.training.step0_settings import Step0Settings

    if names["recipe"] != config.experiment.recipe:
        raise UserError(
            f"step 0 of {names['backbone']}: recipe {names['recipe']!r} is not that of experiment {config.name!r}, "
            f"{config.experiment.recipe!r}; name another experiment with --experiment"
        )
    over = Variant.parse(names["variant"]).over
    chosen = config.train_settings(names["backbone"], over=over)
    settings = chosen.model_dump(include=set(Step0Settings.model_fields))
    return Step0Settings(**settings, seed=config.experiment.seeds[0], train_on=config.experiment.train_on)


def _step0_inputs(config: Config, names: Names) -> Inputs:
    """As of a training run."""
    divided = _divided(names["backbone"], Variant.parse(names["variant"]), names["recipe"])
    return {"model": divided, **training_text(config, names["recipe"])}


def encode_settings(config: Config, names: Names) -> EncodeSettings:
    """How vectors are stored; of lengths and precision only what is said over the model's own, quantised by the run.

    The folder of an untrained backbone says nothing of the recipe: it encodes as a model trained by it would, and its
    vectors are cut to UNTRAINED_TERMS.
    """
    from rescalade.encoding.settings import EncodeSettings
    from rescalade.texts.text_settings import TextSettings

    retrieval, dataset = config.model.retrieval, config.dataset(names["dataset"])
    shared = EncodeSettings.model_fields.keys() & type(retrieval).model_fields.keys() - {"precision"}
    values = {
        **{key: getattr(retrieval, key) for key in shared},
        "precision": None if retrieval.precision == "auto" else retrieval.precision,
        "corpus": dataset.corpus,
        "documents": dataset.documents,
    }
    run = Run.parse(names["run"])
    values["quantise"] = run.quantise
    if not run.trained:
        train = config.train_settings(run.backbone, own_run(config, names["run"])[1])
        values |= {
            **{key: getattr(train, key) for key in TextSettings.model_fields},
            "query_length": retrieval.query_length or train.query_length,
            "document_length": retrieval.document_length or train.document_length,
            "precision": config.encoding_precision(train),
            "reading": run.variant.reading,
            "activation": train.activation,
            "top_terms": min(retrieval.top_terms or UNTRAINED_TERMS, UNTRAINED_TERMS),
            "query_terms": UNTRAINED_TERMS,
        }
    return EncodeSettings(**values)


def speed_settings(config: Config, names: Names) -> SpeedSettings:
    """Those of encoding."""
    from rescalade.encoding.speed_settings import SpeedSettings

    return SpeedSettings(**encode_settings(config, names).model_dump(exclude={"corpus"}))


def _shard_inputs(_: Config, names: Names) -> Inputs:
    """The model, trained here or by others or not at all, and the texts."""
    run = Run.parse(names["run"])
    if run.ready:
        model = Made("ready", (run.backbone,), "model")
    elif run.trained:
        model = Made("train", (run.training,), "model")
    else:
        model = _divided(run.backbone, run.variant, run.recipe)
    return {"model": model, **of_collection(names["dataset"], *TEXTS)}


def _encode_inputs(config: Config, names: Names) -> Inputs:
    """As for a shard; the shards that jobs of their own encode; the set whose documents these are."""
    corpus = config.dataset(names["dataset"]).corpus
    found = _shard_inputs(config, names)
    if corpus is not None:
        return {**found, "shared_manifest": Made("collection", (corpus,), "manifest")}
    shards = range(shard_jobs(config, names["dataset"]))
    values = [(names["run"], names["dataset"], f"{number:05d}") for number in shards]
    found["shards"] = [Made("encode_shard", value, output) for value in values for output in ("shard", "digest")]
    return found


def shard_jobs(config: Config, dataset: str) -> int:
    """Shards of a data set that are encoded by jobs of their own: all, where that is wanted and its size is known."""
    documents = (config.dataset(dataset).documents or 0) if config.model.retrieval.shard_jobs else 0
    shards = -(-documents // config.model.retrieval.shard_documents)
    return shards if shards > 1 else 0


ROWS = (
    Stage(
        name="step0_loss",
        command="step0 {backbone} --variant {variant} --recipe {recipe}",
        names=("backbone", "variant", "recipe"),
        run="rescalade.training.step0_stage:run_step0",
        seconds=11,
        libraries=FRAMES + KERNELS + MODELS,
        settings=step0_settings,
        inputs=_step0_inputs,
        outputs={
            "step0": "{results}/step0/{recipe}/{backbone}/{variant}.json",
            "record": "{results}/step0/{recipe}/{backbone}/{variant}.record.json",
        },
        caches={"tokens": EXAMPLE_TOKENS},
        gpu=True,
    ),
    Stage(
        name="train",
        command="train {run}",
        names=("run",),
        run="rescalade.training.train_stage:run_train",
        seconds=22,
        libraries=FRAMES + KERNELS + MODELS + TRAINING,
        settings=train_settings,
        inputs=_train_inputs,
        outputs={
            "model": f"{RUN}/model",
            "history": f"{RUN}/history.parquet",
            "outcome": f"{RUN}/outcome.json",
            "record": f"{RUN}/train.record.json",
        },
        folders=("model",),
        caches={
            "unfinished": "{results}/.checkpoints",
            "tensorboard": "{results}/logs/tensorboard/{run}",
            "tokens": EXAMPLE_TOKENS,
        },
        gpu=True,
        minutes=720,
    ),
    Stage(
        name="encode_shard",
        command="encode {run} {dataset} --shard {shard}",
        names=("run", "dataset", "shard"),
        run="rescalade.encoding.encode_stage:run_encode_shard",
        seconds=2,
        libraries=FRAMES + KERNELS + MODELS,
        settings=encode_settings,
        inputs=_shard_inputs,
        outputs={
            "shard": f"{GROWING}/{shard_name_of('{shard}')}",
            "digest": f"{GROWING}/{shard_digest_of('{shard}')}",
        },
        caches=ENCODE_CACHES,
        gpu=True,
        minutes=720,
    ),
    Stage(
        name="encode",
        command="encode {run} {dataset}",
        names=("run", "dataset"),
        run="rescalade.encoding.encode_stage:run_encode",
        seconds=2,
        libraries=FRAMES + KERNELS + MODELS,
        settings=encode_settings,
        inputs=_encode_inputs,
        outputs={"vectors": VECTORS},
        folders=("vectors",),
        caches=ENCODE_CACHES,
        gpu=True,
        minutes=720,
    ),
    Stage(
        name="speed",
        command="speed {run} {dataset}",
        names=("run", "dataset"),
        run="rescalade.encoding.speed_stage:run_speed",
        seconds=3,
        libraries=FRAMES + KERNELS + MODELS,
        settings=speed_settings,
        inputs=_shard_inputs,
        outputs={"speed": f"{RUN}/speed/{{dataset}}.json", "record": f"{RUN}/speed/{{dataset}}.record.json"},
        gpu=True,
        minutes=60,
    ),
)
