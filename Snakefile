"""Rescalade: rescaling MLM heads for neural sparse retrieval, from data to report."""

from pathlib import Path


include: "workflow/rules/common.smk"


# checked above, by the same models as the command line; this makes it part of Snakemake's own report
configfile: Path(workflow.basedir) / "config.yaml"


include: "workflow/rules/data.smk"
include: "workflow/rules/backbone.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/encode.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/report.smk"


# the default: the same as `report`
rule all:
    default_target: True
    input:
        rules.report.output,


rule audit:
    input:
        [paths.audit(CONFIG.experiment.recipe, name) for name in CONFIG.backbones()],


rule prefetch:
    input:
        [paths.dataset(name) / "corpus.parquet" for name in needed_datasets()],
        [paths.backbone(name) for name in hub_backbones()],


for name in CONFIG.backbones():

    rule:
        name:
            name
        input:
            EXPERIMENT / f"{name}.html",
