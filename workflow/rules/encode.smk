"""Sparse vectors of corpora and queries."""


rule encode:
    input:
        model=RUN / "model",
        corpus=DATASET / "corpus.parquet",
        queries=DATASET / "queries.parquet",
    output:
        vectors=directory(vectors(RUN, "{dataset}")),
    log:
        LOGS / "encode" / RUN_NAME / "{dataset}.log",
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        gpu=GPUS,
        mem_mb=8000,
        runtime=720,
    params:
        settings=settings("encode", run=RUN_NAME, dataset="{dataset}"),
        code=CODE["encode"],
        options=options,
    shell:
        "rescalade-device {resources.gpu} -- rescalade encode "
        "{wildcards.recipe}/{wildcards.backbone}/{wildcards.variant}/seed{wildcards.seed} {wildcards.dataset} "
        "{params.options} 2>&1 | tee -i {log} >&2"
