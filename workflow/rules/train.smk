"""SPLADE training. Checkpoints lie under results/.checkpoints, which no rule declares: they outlive a failed job."""


rule train:
    input:
        model=rescaled_model,
        corpus=TRAIN_ON / "corpus.parquet",
        queries=TRAIN_ON / "queries.parquet",
        triples=TRAIN_ON / "triples-{recipe}.parquet",
    output:
        model=directory(RUN / "model"),
        history=RUN / "history.parquet",
        outcome=report(
            RUN / "outcome.json",
            caption="../report/captions/outcome.rst",
            category="Runs",
            labels={"backbone": "{backbone}", "variant": "{variant}", "seed": "{seed}"},
        ),
        record=RUN / "train.record.json",
    log:
        LOGS / "train" / f"{RUN_NAME}.log",
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        gpu=GPUS,
        mem_mb=8000,
        runtime=720,
    params:
        settings=settings("train", run=RUN_NAME),
        code=CODE["train"],
        options=options,
    shell:
        "rescalade-device {resources.gpu} -- rescalade train "
        "{wildcards.recipe}/{wildcards.backbone}/{wildcards.variant}/seed{wildcards.seed} "
        "{params.options} 2>&1 | tee -i {log} >&2"
