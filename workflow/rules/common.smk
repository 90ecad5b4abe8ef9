"""What all rules share: the checked configuration, paths and the two parameters that decide reruns."""

import json
import os
import re
import shlex
import sys

try:
    from rescalade.config import Config
except ImportError as error:
    print(
        f"the package rescalade cannot be imported ({error}); "
        "install it here: pip install -c envs/constraints.txt -e .",
        file=sys.stderr,
    )
    sys.exit(2)
from rescalade.pipeline.digest import ENTRIES, code_digest, modules_digest
from rescalade.vectors.file_names import shard_digest, shard_name
from rescalade.errors import UserError
from rescalade.paths import Paths, encoding, index, retrieved, scores, vectors
from rescalade.pipeline.preflight import check_names, check_writable, configure, disk_warning
from rescalade.pipeline.stages import collection_inputs, shard_jobs, stage_settings
from rescalade.variants import AUTOMATIC, WILDCARD


def config_files():
    """The repository's config.yaml and what --configfile adds to it or, by --replace-workflow-config, puts for it."""
    added = list(workflow.overwrite_configfiles)
    if added and workflow.config_settings.replace_workflow_config:
        return added
    return [Path(workflow.basedir) / "config.yaml", *added]


def gpus():
    """GPUs that a job asks for: one where the call provides any, else none, so a machine without needs no option.

    Inside a cluster job the limits of the call are not known, but the cluster has said what the job got.
    """
    if workflow.remote_exec:
        return 1 if os.environ.get("CUDA_VISIBLE_DEVICES") else 0
    return 1 if "gpu" in workflow.global_resources else 0


def settings(stage, **names):
    """Parameter: a stage's own settings. `names` are patterns of wildcards, by the names of stage_settings."""
    return lambda wildcards: stage_settings(
        CONFIG, stage, **{key: pattern.format(**dict(wildcards.items())) for key, pattern in names.items()}
    )


def options(wildcards, threads):
    """Parameter: the options of every command, so that it reads the same configuration as this call.

    Where the files lie, which experiment asks and how many threads there are must make nothing run again: Snakemake
    does not compare parameters that are derived from `threads`, and a test holds it to that.
    """
    files = [word for file in config_files() for word in ("--config", str(file))]
    return shlex.join([*files, "--experiment", CONFIG.name, "--threads", str(threads)])


def page_settings(wildcards):
    """Parameter: those settings of the report that one backbone's page shows, so that it outlives changes of others."""
    chosen = json.loads(stage_settings(CONFIG, "report"))
    for key in ("backbones", "train"):
        chosen[key] = {name: value for name, value in chosen[key].items() if name == wildcards.backbone}
    return json.dumps(chosen, sort_keys=True)


def backbone_inputs(wildcards):
    """What a backbone is made from: text to pretrain on, another backbone, a local folder, or the model hub."""
    backbone = CONFIG.backbone(wildcards.backbone)
    if backbone.pretrain is not None:
        return [paths.dataset(backbone.pretrain.text) / name for name in COLLECTION]
    if backbone.of is not None:
        return [paths.backbone(backbone.of)]
    return [Path(backbone.path).expanduser()] if backbone.path is not None else []


def rescaled_model(wildcards):
    """The divided backbone that a run starts from."""
    return paths.rescaled(wildcards.backbone, wildcards.variant, wildcards.recipe)


def hub_backbones():
    """Backbones of the experiment, and those that they are made from, which come from the model hub."""
    return [name for name in made_from(CONFIG.backbones()) if CONFIG.backbone(name).source == "hub"]


def needed_datasets():
    """Data sets that the experiment trains on, is tested on, or pretrains a backbone on."""
    recipes = [CONFIG.backbone(name).pretrain for name in made_from(CONFIG.backbones())]
    texts = [recipe.text for recipe in recipes if recipe is not None]
    return list(dict.fromkeys([CONFIG.experiment.train_on, *CONFIG.evaluation_sets(), *texts]))


def made_from(names):
    """Backbones and those that they are inflated from."""
    return list(dict.fromkeys([*names, *filter(None, (CONFIG.backbone(name).of for name in names))]))


def shard_files(wildcards):
    """Shards that jobs of their own encode, each with its digest; none for a data set of one or of unknown size."""
    run = Path(str(RUN).format(**dict(wildcards.items())))
    folder = encoding(run, wildcards.dataset)
    numbers = range(0 if CONFIG.dataset(wildcards.dataset).corpus else shard_jobs(CONFIG, wildcards.dataset))
    return [folder / name(number) for number in numbers for name in (shard_name, shard_digest)]


def of_documents(folder):
    """Input: something of the data set whose documents a set has: its own, or those of the set it names as its corpus."""

    def found(wildcards):
        run = Path(str(RUN).format(**dict(wildcards.items())))
        return folder(run, CONFIG.dataset(wildcards.dataset).corpus or wildcards.dataset)

    return found


def dataset_source(wildcards):
    """What a data set is made from: a source that has a stage of its own, and another set with the same documents."""
    return list(collection_inputs(CONFIG, paths, wildcards.dataset).values())


def has_stage(source):
    """Whether a source fetches or reads something once for all its data sets."""
    return CONFIG.source(source).has_stage


def kind_code(stage):
    """Parameter: code of a stage together with that of the source's kind."""

    def code(wildcards):
        names = dict(wildcards.items())
        source = CONFIG.source(names.get("source") or CONFIG.dataset(names["dataset"]).source)
        return f"{CODE[stage]} {modules_digest(source.modules())}"

    return code


def model_results(backbones):
    """Everything that tables, figures and pages show of some backbones."""
    runs = [paths.run(run) for run in CONFIG.runs() if run.backbone in backbones]
    others = [paths.run(run) for run in CONFIG.others() if run.backbone in backbones]
    datasets = CONFIG.evaluation_sets()
    return {
        "backbones": [paths.backbone(name) for name in backbones],
        "audits": [paths.audit(CONFIG.experiment.recipe, name) for name in backbones],
        "histories": [run / "history.parquet" for run in runs],
        "outcomes": [run / "outcome.json" for run in runs],
        "scores": [scores(run, dataset) for run in [*runs, *others] for dataset in datasets],
        "per_query": [per_query(run, dataset) for run in runs for dataset in datasets],
        "baseline": [scores(paths.bm25(), dataset) for dataset in datasets],
        "baseline_per_query": [per_query(paths.bm25(), dataset) for dataset in datasets],
        "manifests": [paths.dataset(dataset) / "manifest.json" for dataset in [CONFIG.experiment.train_on, *datasets]],
    }


def kept(output, level):
    """An output that stays on disk where the experiment keeps so much, and else goes when nothing needs it any more."""
    levels = ("scores", "vectors", "all")
    return output if levels.index(CONFIG.experiment.keep) >= levels.index(level) else temp(output)


def either(names):
    """Regular expression of some names; without any it matches nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


def per_query(run, dataset):
    """Values of each query, beside the means."""
    return scores(run, dataset).with_suffix(".per-query.parquet")


def record(path):
    """Pattern of the record that stands beside an output file."""
    return str(path).removesuffix(".trec.gz").removesuffix(".json").removesuffix(".parquet") + ".record.json"


try:
    CONFIG = configure(config_files(), workflow.config_settings.config)
    CODE = {stage: code_digest(stage) for stage in ENTRIES}
    paths = Paths()
    check_names(
        CONFIG.backbones(),
        [*ENTRIES, "audit_backbone", "rescale_by_rule", "encode_shard", "score_bm25", "page", "prefetch", "all"],
    )
    check_writable(paths.results)
    check_writable(paths.report)
    if workflow.is_main_process and CONFIG.notices:
        print(*CONFIG.notices, sep="\n", file=sys.stderr)
    if workflow.is_main_process and (warning := disk_warning(CONFIG, paths)):
        print(warning, file=sys.stderr)
except UserError as error:
    print(error, file=sys.stderr)
    sys.exit(2)

# a call by its path, .venv/bin/snakemake, leaves the commands beside it off PATH
if Path(sys.executable).parent not in [Path(folder) for folder in os.get_exec_path()]:
    os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))

COLLECTION = ("corpus.parquet", "queries.parquet", "qrels.parquet", "manifest.json")
RUN_NAME = "{recipe}/{backbone}/{variant}/seed{seed}"
RUN = paths.results / "runs" / RUN_NAME
DATASET = paths.dataset("{dataset}")
TRAIN_ON = paths.dataset(CONFIG.experiment.train_on)
EXPERIMENT = paths.experiment(CONFIG.name)
LOGS = paths.results / "logs"
GPUS = gpus()


wildcard_constraints:
    source=either([name for name in CONFIG.model.sources if has_stage(name)]),
    dataset=either(CONFIG.model.datasets),
    backbone=either(CONFIG.model.backbones),
    recipe=either(dict.fromkeys(run.recipe for run in [*CONFIG.runs(), *CONFIG.others()])),
    variant=WILDCARD,
    seed=r"\d+",
    shard=r"\d{5}",
