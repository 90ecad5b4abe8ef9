"""Masked language models, their audit before training, and their divided heads."""


rule backbone:
    input:
        backbone_inputs,
    output:
        model=directory(paths.backbone("{backbone}")),
    log:
        LOGS / "backbone" / "{backbone}.log",
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        gpu=GPUS,
        mem_mb=8000,
        runtime=240,
    params:
        settings=settings("backbone", name="{backbone}"),
        code=CODE["backbone"],
        options=options,
    shell:
        "rescalade-device {resources.gpu} -- rescalade backbone {wildcards.backbone} {params.options} "
        "2>&1 | tee -i {log} >&2"


rule audit_backbone:
    input:
        model=paths.backbone("{backbone}"),
        corpus=TRAIN_ON / "corpus.parquet",
        queries=TRAIN_ON / "queries.parquet",
        triples=TRAIN_ON / "triples-{recipe}.parquet",
    output:
        audit=report(
            paths.audit("{recipe}", "{backbone}"),
            caption="../report/captions/audit.rst",
            category="Audits",
            labels={"backbone": "{backbone}"},
        ),
        record=record(paths.audit("{recipe}", "{backbone}")),
    log:
        LOGS / "audit" / "{recipe}" / "{backbone}.log",
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        gpu=GPUS,
        mem_mb=8000,
        runtime=60,
    params:
        settings=settings("audit", name="{backbone}"),
        code=CODE["audit"],
        options=options,
    shell:
        "rescalade-device {resources.gpu} -- rescalade audit {wildcards.backbone} {params.options} "
        "2>&1 | tee -i {log} >&2"


rule rescale:
    input:
        model=paths.backbone("{backbone}"),
    output:
        model=directory(paths.rescaled("{backbone}", "{variant}", "{recipe}")),
    log:
        LOGS / "rescale" / "{backbone}" / "{variant}.log",
    wildcard_constraints:
        variant=r"k\d[^/]*",
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=30,
    params:
        settings=settings("rescale", name="{backbone}", variant="{variant}"),
        code=CODE["rescale"],
        options=options,
    shell:
        "rescalade rescale {wildcards.backbone} --variant {wildcards.variant} {params.options} "
        "2>&1 | tee -i {log} >&2"


use rule rescale as rescale_by_rule with:
    input:
        model=paths.backbone("{backbone}"),
        audit=paths.audit("{recipe}", "{backbone}"),
    output:
        model=directory(paths.results / "rescaled" / "{backbone}" / "{recipe}" / "{variant}"),
    log:
        LOGS / "rescale" / "{backbone}" / "{recipe}" / "{variant}.log",
    wildcard_constraints:
        variant=AUTOMATIC,
