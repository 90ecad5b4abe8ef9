"""One rule per row of the graph; the tables say what only Snakemake can hold of some.

Checkpoints of training lie under results/.checkpoints, which no rule declares: they outlive a failed job.

A data set that declares its size has its shards encoded by jobs of their own. `encode` adds the queries and the manifest
and moves the folder of the shards to where the vectors belong: for Snakemake they were temporary. Any other data set is
encoded by one job, whose finished shards outlive a kill in that same folder, which nobody declares then.
"""

PASSING = {"encode_shard": "never", "encode": "vectors", "index": "all"}
"""How much an experiment must keep for outputs to stay once nothing needs them any more; or never."""

VARIANTS = {"rescale": BY_NAME, "rescale_by_rule": BY_RECIPE}
"""Variants of a stage, where another makes the rest."""

LOCAL = ("tables", "figures", "index_page", "page")
"""Always made where Snakemake runs: they are small."""

FIRST = ("figures",)
"""Started before other jobs that are ready: it takes longest of those at the end, which then fill the other cores."""

RUN_LABELS = {"variant": "{variant}", "seed": "{seed}"}
SHOWN = {
    "collection": {"manifest": shown("collection", "Data", {"data set": "{dataset}"})},
    "audit_backbone": {"audit": shown("audit", "Audits", {"backbone": "{backbone}"})},
    "train": {"outcome": shown("outcome", "Runs", {"backbone": "{backbone}", **RUN_LABELS})},
    "score": {"scores": shown("scores", "Scores", {"data set": "{dataset}", **RUN_LABELS}, subcategory="{backbone}")},
    "score_bm25": {
        "scores": shown("scores", "Scores", {"data set": "{dataset}", "variant": "", "seed": ""}, subcategory="BM25")
    },
    "tables": {"tables": shown("tables", "Tables", {"table": "{name}"}, patterns=["{name}.csv"])},
    "figures": {"figures": shown("figures", "Figures", {"figure": "{name}"}, patterns=["{name}.svg"])},
    "index_page": {"page": shown("report", "Report", {"page": "experiment"})},
    "page": {"page": shown("page", "Report", {"page": "{backbone}"})},
}
"""By stage and output."""


# called `rule` because Snakemake evaluates the command once more in the job, where `rule` is the name of its rule
for rule in STAGES:

    rule:
        name:
            rule
        input:
            inputs(rule),
        output:
            **outputs(rule, PASSING.get(rule), SHOWN.get(rule, {})),
        log:
            log_file(rule),
        wildcard_constraints:
            variant=VARIANTS.get(rule, WILDCARD),
        priority: int(rule in FIRST)
        localrule: rule in LOCAL
        conda:
            "../../envs/rescalade.yaml"
        threads: STAGES[rule].threads
        resources:
            **resources_of(rule),
        params:
            **params(rule),
        shell:
            command_line(rule)
