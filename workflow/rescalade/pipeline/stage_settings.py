"""What decides each stage's output, taken from the configuration.

Only what the stage itself reads: inputs carry their own settings, so a change travels along the graph and no further.
Which runs an experiment has is no setting of any of them. The classes are imported when they are asked for: rules,
plan and command line need the graph without torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rescalade.errors import UserError
from rescalade.runs import Run
from rescalade.variants import Variant

if TYPE_CHECKING:
    from rescalade.audit.settings import AuditSettings
    from rescalade.backbones.settings import BackboneSettings
    from rescalade.config import Config
    from rescalade.data.collection_stage import CollectionSettings
    from rescalade.data.source_stage import SourceSettings
    from rescalade.encoding.settings import EncodeSettings
    from rescalade.pipeline.report_settings import ReportSettings
    from rescalade.rescaling.settings import RescaleSettings
    from rescalade.retrieval.settings import IndexSettings, SearchSettings
    from rescalade.scoring.settings import ScoreSettings
    from rescalade.strict import Strict
    from rescalade.training.settings import RunSettings
    from rescalade.triples.settings import TriplesSettings

Names = Mapping[str, str]


def as_json(settings: Strict) -> str:
    """Settings as the rules compare and the records keep them: JSON with sorted keys."""
    return json.dumps(settings.model_dump(mode="json"), sort_keys=True)


def source(config: Config, names: Names) -> SourceSettings:
    """The source, and all that any data set takes from it."""
    from rescalade.data.source_stage import SourceSettings

    name = names["source"]
    entries = map(config.dataset, config.counted("datasets", ("sources", name)))
    wanted = {want for entry in entries if entry.source == name for want in entry.wants()}
    return SourceSettings(name=name, source=config.source(name), wanted=tuple(sorted(wanted)))


def collection(config: Config, names: Names) -> CollectionSettings:
    """The data set's entry and its source."""
    from rescalade.data.collection_stage import CollectionSettings

    entry = config.dataset(names["dataset"])
    return CollectionSettings(dataset=names["dataset"], entry=entry, source=config.source(entry.source))


def triples(config: Config, names: Names) -> TriplesSettings:
    """How the recipe mines."""
    from rescalade.triples.settings import TriplesSettings

    mining = config.recipe_named(names["recipe"]).mining.model_dump()
    return TriplesSettings(**mining, drop_identical_ids=config.dataset(names["dataset"]).drop_identical_ids)


def backbone(config: Config, names: Names) -> BackboneSettings:
    """Where the model comes from."""
    from rescalade.backbones.settings import BackboneSettings

    chosen = config.backbone(names["backbone"])
    others = [other.id for other in config.model.backbones.values()]
    return BackboneSettings(
        source=chosen.source,
        pretrain=chosen.pretrain,
        path=chosen.path,
        id=chosen.id,
        revision=chosen.revision,
        of=chosen.of,
        factor=chosen.factor,
        check_norm=chosen.check_norm,
        known=tuple(other for other in others if other not in (None, chosen.id)),
    )


def audit(config: Config, names: Names) -> AuditSettings:
    """The first micro-batch of the recipe, and every variant of the backbone in any experiment of the recipe.

    Not only the chosen experiment's: experiments share an audit, and going from one to the other must not redo it.
    """
    from rescalade.audit.settings import AuditSettings

    name, recipe = names["backbone"], config.experiment.recipe
    if names["recipe"] != recipe:
        raise UserError(
            f"audit of {name}: recipe {names['recipe']!r} is not that of experiment {config.name!r}, {recipe!r}; name "
            "another experiment with --experiment"
        )
    chosen, train = config.backbone(name), config.train_settings(name)
    counted = config.counted("experiments", ("recipes", recipe))
    experiments = [key for key in counted if config.model.experiments[key].recipe == recipe]
    tried = {run.variant for key in experiments for run in config.runs(key) if run.backbone == name}
    return AuditSettings(
        train_on=config.experiment.train_on,
        variants=tuple(variant.name for variant in sorted(tried, key=lambda variant: variant.name)),
        batch_size=train.batch_size,
        query_length=train.query_length,
        document_length=train.document_length,
        pool_special_tokens=train.pool_special_tokens,
        temperature=train.temperature,
        inflate=chosen.factor,
        check_norm=chosen.check_norm and chosen.source in ("hub", "local"),
        id=chosen.id,
    )


def rescale(_: Config, names: Names) -> RescaleSettings:
    """The variant."""
    from rescalade.rescaling.settings import RescaleSettings

    variant = Variant.parse(names["variant"])
    return RescaleSettings(scale=variant.scale, mode=variant.mode, bias=variant.bias, rule=variant.rule)


def train(config: Config, names: Names) -> RunSettings:
    """The recipe's settings with those of experiment and backbone over them."""
    from rescalade.training.settings import RunSettings

    run, experiment = own_run(config, names["run"])
    settings = config.train_settings(run.backbone, experiment).model_dump()
    return RunSettings(**settings, seed=run.seed, train_on=config.experiment.train_on)


def encode(config: Config, names: Names) -> EncodeSettings:
    """How vectors are stored; of lengths and precision only what is said over the model's own."""
    from rescalade.encoding.settings import EncodeSettings

    retrieval, dataset = config.model.retrieval, config.dataset(names["dataset"])
    return EncodeSettings(
        query_length=retrieval.query_length,
        document_length=retrieval.document_length,
        precision=None if retrieval.precision == "auto" else retrieval.precision,
        shard_documents=retrieval.shard_documents,
        batch_tokens=retrieval.batch_tokens,
        weights=retrieval.weights,
        top_terms=retrieval.top_terms,
        shard_bytes=retrieval.shard_bytes,
        head_backend=retrieval.head_backend,
        corpus=dataset.corpus,
        documents=dataset.documents,
    )


def index(_: Config, __: Names) -> IndexSettings:
    """Nothing: an index follows from its vectors."""
    from rescalade.retrieval.settings import IndexSettings

    return IndexSettings()


def search(config: Config, names: Names) -> SearchSettings:
    """How deep, and whether a document may be the query itself."""
    from rescalade.retrieval.settings import SearchSettings

    dataset = config.dataset(names["dataset"])
    return SearchSettings(depth=dataset.depth, drop_identical_ids=dataset.drop_identical_ids)


def score(config: Config, names: Names) -> ScoreSettings:
    """Which measures, and from which grade on a document counts."""
    from rescalade.scoring.measures import scored
    from rescalade.scoring.settings import ScoreSettings

    dataset = config.dataset(names["dataset"])
    return ScoreSettings(
        measures=tuple(measure.name for measure in scored(dataset)), minimum_grade=dataset.minimum_grade
    )


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


def report(config: Config, _: Names) -> ReportSettings:
    """What decides tables, figures and the first page: the experiment, its titles and labels."""
    return _report(config, config.backbones())


def page(config: Config, names: Names) -> ReportSettings:
    """Those of them that the page of one backbone shows, so that it outlives changes of others."""
    return _report(config, [names["backbone"]])


def _report(config: Config, backbones: list[str]) -> ReportSettings:
    from rescalade.pipeline.report_settings import ReportSettings
    from rescalade.scoring.measures import measure, tabulated

    labels = {"title", "head", "twin", "factor"}
    sets = {name: config.dataset(name) for name in config.evaluation_sets()}
    return ReportSettings(
        name=config.name,
        experiment=config.experiment.model_dump(exclude={"train"}, exclude_defaults=True),
        backbones={name: config.backbone(name).model_dump(include=labels) for name in backbones},
        titles={name: config.title("dataset", name) for name in sets},
        metrics={name: measure(entry.metric).name for name, entry in sets.items()},
        measures={name: tuple(shown.name for shown in tabulated(entry)) for name, entry in sets.items()},
        train={name: config.train_settings(name).model_dump() for name in backbones},
        config=config,
    )
