"""What only Snakemake can know: wildcards, parameters that decide reruns, and how outputs are flagged.

Everything else about a stage stands in its row of `rescalade.pipeline.graph`.
"""

import atexit
import gc
import inspect
import os
import re
import sys
from functools import cache

# a graph of some thousand jobs is a million objects that stay: looking among them for what may go, again and again
# while they become more, took a tenth of the time that it takes to build, and taking it apart at the end as long again
COLLECTED_AFTER = gc.get_threshold()
gc.set_threshold(1_000_000, *COLLECTED_AFTER[1:])
atexit.register(gc.freeze)

try:
    from rescalade.pipeline.graph import STAGES
except ImportError as error:
    print(
        f"the package rescalade cannot be imported ({error}); "
        "install it here: pip install -c envs/constraints.txt -e '.[pipeline]'",
        file=sys.stderr,
    )
    sys.exit(2)
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.command import command_line, command_options, device_words
from rescalade.pipeline.job_code import job_code
from rescalade.pipeline.graph import input_files, made_file
from rescalade.pipeline.preflight import check_checkout, check_names, check_writable, configure, disk_warning
from rescalade.pipeline.resources import devices, resources
from rescalade.pipeline.rows.reporting import INDEX_PAGE, shown_files
from rescalade.pipeline.snapshot import snapshot_path, write_snapshot
from rescalade.pipeline.stage_row import UserFiles, as_json
from rescalade.pipeline.user_files import as_recorded, recorded_inputs, user_files
from rescalade.runs import LAST
from rescalade.variants import BY_NAME, BY_RECIPE, WILDCARD
from rescalade.warm.launch import launch

PATTERNS = {"run": "{recipe}/{backbone}/{variant}/{seed}"}
"""Of those names of the graph that are not one wildcard of the same name."""


def config_files():
    """The repository's config.yaml and what --configfile adds to it or, by --replace-workflow-config, puts for it."""
    added = list(workflow.overwrite_configfiles)
    if added and workflow.config_settings.replace_workflow_config:
        return added
    return [Path(workflow.basedir) / "config.yaml", *added]


def gpus_provided():
    """Whether jobs ask for GPUs: where the call provides any, so a machine without needs no option.

    Inside a cluster job the limits of the call are not known, but the cluster has said what the job got.
    """
    if workflow.remote_exec:
        return bool(os.environ.get("CUDA_VISIBLE_DEVICES"))
    return "gpu" in workflow.global_resources


def keep_snapshot():
    """Have the jobs of this call, on a cluster too, read the configuration as it stands now."""
    workflow.config_settings.config_args = [
        *[word for word in workflow.config_settings.config_args or [] if not word.startswith("snapshot=")],
        f"snapshot={SNAPSHOT}",
    ]
    write_snapshot(CONFIG, paths)


def start_jobs_at_once():
    """Leave out Snakemake's limit of 100 new jobs a second where nobody has set another.

    With a limit every look for jobs asks for one more look a second later, which asks for the next: after 300 jobs
    Snakemake looks 300 times a second, at every job that waits.
    """
    limiter = getattr(workflow.scheduler, "job_rate_limiter", None)
    if limiter is not None and (limiter.max_jobs, limiter.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None
        logger.debug("no limit of new jobs a second")


def leave_graph_to_itself():
    """Have the collector of unreachable objects work as usual from here on, and pass by the graph, which stays."""
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)


def signed(function):
    """A function that says what it takes: Snakemake asks several times a job, and working it out takes longer."""
    function.__signature__ = inspect.signature(function)
    return function


@cache
def patterns(stage):
    """Names of a stage as patterns of wildcards; the experiment is the call's."""
    return {
        name: CONFIG.name if name == "experiment" else PATTERNS.get(name, f"{{{name}}}") for name in STAGES[stage].names
    }


def names(stage, wildcards):
    """Names of a job."""
    found = dict(wildcards.items())
    return {name: pattern.format_map(found) for name, pattern in patterns(stage).items()}


def inputs(stage):
    """Input files of a job, by the names of the graph; those of the user count by their content, a parameter.

    By their time as well where the record beside the outputs names others: results without Snakemake's history have
    none of parameters.
    """
    row = STAGES[stage]

    def found(wildcards):
        declared = row.inputs(CONFIG, names(stage, wildcards))
        files = input_files(paths, declared)
        if not row.user_files:
            return files
        record = row.record_file(paths, names(stage, wildcards))
        if not as_recorded(paths, declared, recorded_inputs(record)):
            return files
        return {name: ancient(files[name]) if isinstance(declared[name], UserFiles) else files[name] for name in files}

    return unpack(signed(found))


def outputs(stage, level, shown):
    """Output files of a stage, by the names of the graph.

    Args:
        level: how much an experiment must keep for them to stay once nothing needs them any more, or never; None
            where they always stay.
        shown: by output, how Snakemake's own report shows it.
    """
    row, made = STAGES[stage], {}
    for name, path in row.output_files(paths, patterns(stage)).items():
        path = directory(path) if name in row.folders else path
        path = report(path, **shown[name]) if name in shown else path
        kept = level is None or (level != "never" and CONFIG.experiment.keeps(level))
        made[name] = path if kept else temp(path)
    return made


def shown(caption, category, labels, **more):
    """How Snakemake's own report shows an output; the caption is a file of workflow/report/captions."""
    return dict(caption=f"../report/captions/{caption}.rst", category=category, labels=labels, **more)


def log_file(stage):
    """Where a job's output is kept."""
    return f"{paths.results}/logs/{stage}/{'/'.join(patterns(stage).values())}.log"


@cache
def asked(stage, *values):
    """What a job asks for."""
    chosen = dict(zip(STAGES[stage].names, values, strict=True))
    return resources(CONFIG, paths, stage, chosen, gpu=GPUS_PROVIDED)


def resources_of(stage):
    """What a job asks for, each a function of its wildcards; of a stage without a GPU all jobs ask for the same."""
    if not STAGES[stage].gpu:
        same = resources(CONFIG, paths, stage, {}, gpu=GPUS_PROVIDED)
        return {key: same[key] for key in ("mem_mb", "runtime")}

    def part(key):
        return signed(lambda wildcards: asked(stage, *names(stage, wildcards).values())[key])

    return {key: part(key) for key in ("gpu", "mem_mb", "runtime")}


def params(stage):
    """Parameters of a job: what decides a rerun, and the options of its command.

    Where the files lie, which experiment asks, how many threads and devices there are must make nothing run again:
    Snakemake does not compare parameters that are derived from `threads` or `resources`.
    """

    def options(wildcards, threads, resources):
        wanted = devices(CONFIG, names(stage, wildcards)) if stage in ("train", "adapt") else 1
        return command_options(SNAPSHOT, CONFIG.name, threads, resources.get("gpu", 0) or wanted)

    def contents(wildcards):
        return user_files(paths, STAGES[stage].inputs(CONFIG, names(stage, wildcards)))

    functions = {
        **({"user_files": contents} if STAGES[stage].user_files else {}),
        "settings": lambda wildcards: as_json(STAGES[stage].settings(CONFIG, names(stage, wildcards))),
        "code": lambda wildcards: job_code(CONFIG, stage, names(stage, wildcards)),
        "options": options,
        "device": lambda wildcards, resources: device_words(resources.get("gpu", 0)),
    }
    return {name: signed(function) for name, function in functions.items()}


def either(names):
    """Regular expression of some names; without any it matches nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


try:
    check_checkout(Path(workflow.basedir))
    CONFIG = configure(config_files(), workflow.config_settings.config)
    paths = Paths()
    check_names(CONFIG.backbones(), [*STAGES, "report", "audit", "step0", "prefetch", "all"])
    check_writable(paths.results)
    check_writable(paths.report)
    if workflow.is_main_process and CONFIG.notices:
        print(*CONFIG.notices, sep="\n", file=sys.stderr)
    if workflow.is_main_process and (warning := disk_warning(CONFIG, paths)):
        print(warning, file=sys.stderr)
except UserError as error:
    print(error, file=sys.stderr)
    sys.exit(2)

if workflow.is_main_process:
    page = STAGES[INDEX_PAGE].output_files(paths, {"experiment": CONFIG.name})["page"]
    logger.info(f"experiment {CONFIG.name}, to be seen in {page}", extra={"experiment": CONFIG.name, "page": page})

# a call by its path, .venv/bin/snakemake, leaves the commands beside it off PATH
if Path(sys.executable).parent not in [Path(folder) for folder in os.get_exec_path()]:
    os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))

GPUS_PROVIDED = gpus_provided()
SNAPSHOT = snapshot_path(CONFIG, paths)


onstart:
    leave_graph_to_itself()
    keep_snapshot()
    start_jobs_at_once()
    if CONFIG.model.warm_starts and workflow.is_main_process and workflow.local_exec:
        launch()


wildcard_constraints:
    source=either(name for name, source in CONFIG.model.sources.items() if source.has_stage),
    dataset=either(CONFIG.model.datasets),
    backbone=either(CONFIG.model.backbones),
    recipe=either(dict.fromkeys(run.recipe for run in [*CONFIG.runs(), *CONFIG.others(), *CONFIG.ready()])),
    variant=WILDCARD,
    seed=LAST,
    given=either(CONFIG.experiment.runs),
    shard=r"\d{5}",
