"""Tables, figures and pages over the runs of an experiment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rescalade.pipeline.rows.libraries import FRAMES, PAGES, PICTURES, STATISTICS
from rescalade.pipeline.stage_row import Inputs, Made, Names, Stage

if TYPE_CHECKING:
    from rescalade.config import Config
    from rescalade.pipeline.report_settings import ReportSettings

EXPERIMENT = "{report}/{experiment}"
INDEX_PAGE = "index_page"
"""Name of the stage of the experiment's own page; `report` is the target that asks for it and for all beside it."""
ROOM = ("backbones", "adaptations", "manifests")
"""What reports read of models and data, which may be deleted once the scores stand."""


def report_settings(config: Config, names: Names) -> ReportSettings:
    """What is shown of the experiment; of one backbone alone for its page, so that it outlives changes of others."""
    from rescalade.pipeline.report_settings import ReportSettings
    from rescalade.scoring.measures import measure, tabulated

    backbones = [names["backbone"]] if "backbone" in names else config.backbones()
    labels = {"title", "head", "twin", "factor", "bias", "shift", "control"}
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


def _results(config: Config, names: Names) -> Inputs:
    """Everything that is shown of the backbones, or of one."""
    chosen = [names["backbone"]] if "backbone" in names else config.backbones()
    datasets, recipe = config.evaluation_sets(), config.experiment.recipe
    runs = [run.folder for run in config.runs() if run.backbone in chosen]
    others = [run.folder for run in config.others() if run.backbone in chosen]
    trained = [run.training for run in [*config.runs(), *config.others()] if run.backbone in chosen]
    untrained = [run.folder for run in config.untrained() if run.backbone in chosen]
    ready = [run.folder for run in config.ready()]
    ways = config.quantisations() if config.experiment.quantised else []
    quantised = [run.quantised(how).folder for run in config.runs() if run.backbone in chosen for how in ways]
    cells = dict.fromkeys((run.backbone, run.variant.name, recipe) for run in config.runs() if run.backbone in chosen)

    def scored(output: str, names: Iterable[str], datasets: Sequence[str]) -> list[Made]:
        return [Made("score", (run, dataset), output) for run in names for dataset in datasets]

    return {
        "backbones": [Made("backbone", (name,), "model") for name in chosen],
        "audits": [Made("audit_backbone", (name, recipe), "audit") for name in chosen],
        "adaptations": [Made("adapt", (name, recipe), "model") for name in config.adapted() if name in chosen],
        "histories": [Made("train", (run,), "history") for run in trained],
        "outcomes": [Made("train", (run,), "outcome") for run in trained],
        "step0": [Made("step0_loss", cell, "step0") for cell in cells],
        "scores": scored("scores", runs, datasets)
        + scored("scores", [*others, *untrained, *ready], config.test_sets()),
        "quantised": [] if not ways else scored("scores", quantised, config.test_sets()),
        "speed": [Made("speed", (run, config.experiment.in_domain[0]), "speed") for run in quantised],
        "per_query": scored("per_query", [*runs, *others, *untrained, *ready], config.test_sets()),
        "baselines": [
            Made(rule, (dataset,), output)
            for rule in ("score_bm25", "score_random")
            for dataset in datasets
            for output in ("scores", "per_query")
        ],
        "given": [
            Made("score_given", (config.name, name, dataset), output)
            for name in config.experiment.runs
            for dataset in config.given_on(name)
            for output in ("scores", "per_query")
        ],
        "manifests": [Made("collection", (dataset,), "manifest") for dataset in config.shown_sets()],
    }


def report_outputs(config: Config) -> list[Made]:
    """What a report consists of: its pages, the index's record, tables and figures.

    None of them reads another, so that all can be made at the same time: a page draws its figures itself.
    """
    pages = [Made("page", (config.name, each), "page") for each in config.backbones()]
    folders = [Made(folder, (config.name,), folder) for folder in ("tables", "figures")]
    index = [Made(INDEX_PAGE, (config.name,), output) for output in ("page", "record")]
    return [*index, *folders, *pages]


def shown_files(config: Config, backbone: str | None = None) -> list[Made]:
    """What a call for the report, or for one backbone's page, asks for: pages, tables and figures, and what they show.

    A target asks for each by name, since Snakemake makes a lost file only where something asks for it that is made
    itself: a page that stands needs nothing. Data, models, vectors, indexes and rankings are not among them, so that
    they may be deleted to make room.
    """
    name = {"experiment": config.name}
    results = _results(config, name if backbone is None else {**name, "backbone": backbone})
    lists = [value for key, value in results.items() if key not in ROOM and isinstance(value, list)]
    made = [each for some in lists for each in some]
    if backbone is not None:
        return [Made("page", (config.name, backbone), "page"), *made]
    return [*report_outputs(config), *made]


def _folder(name: str) -> Stage:
    return Stage(
        name=name,
        command=name,
        names=("experiment",),
        run=f"rescalade.report.{name}.{name}:run_{name}",
        seconds=10 if name == "figures" else 1,
        libraries=FRAMES + (PICTURES if name == "figures" else STATISTICS),
        settings=report_settings,
        inputs=_results,
        outputs={name: f"{EXPERIMENT}/{name}"},
        folders=(name,),
        partial=True,
        memory_mb=2000,
        minutes=30,
    )


ROWS = (
    Stage(
        name="page",
        command="report --page {backbone}",
        names=("experiment", "backbone"),
        run="rescalade.report.pages.page:run_page",
        libraries=FRAMES + PICTURES + PAGES,
        settings=report_settings,
        inputs=_results,
        outputs={"page": f"{EXPERIMENT}/{{backbone}}.html"},
        reads_records=True,
        partial=True,
        memory_mb=2000,
        minutes=30,
    ),
    _folder("tables"),
    _folder("figures"),
    Stage(
        name=INDEX_PAGE,
        command="report --page index",
        seconds=4.5,
        names=("experiment",),
        run="rescalade.report.pages.page:run_page",
        libraries=FRAMES + STATISTICS + PICTURES + PAGES,
        settings=report_settings,
        inputs=_results,
        outputs={"page": f"{EXPERIMENT}/index.html", "record": f"{EXPERIMENT}/record.json"},
        reads_records=True,
        partial=True,
        memory_mb=2000,
        minutes=30,
    ),
)
