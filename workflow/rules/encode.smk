"""Sparse vectors of corpora and queries.

A data set that declares its size has its shards encoded by jobs of their own. `encode` adds the queries and the manifest
and moves the folder of the shards to where the vectors belong: for Snakemake they were temporary. Any other data set is
encoded by one job, whose finished shards outlive a kill in that same folder, which nobody declares then.
"""


rule encode_shard:
    input:
        model=RUN / "model",
        corpus=DATASET / "corpus.parquet",
        queries=DATASET / "queries.parquet",
    output:
        shard=temp(encoding(RUN, "{dataset}") / "shard-{shard}.parquet"),
        digest=temp(encoding(RUN, "{dataset}") / "shard-{shard}.sha256"),
    log:
        LOGS / "encode" / RUN_NAME / "{dataset}-{shard}.log",
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
        "--shard {wildcards.shard} {params.options} 2>&1 | tee -i {log} >&2"


rule encode:
    input:
        model=RUN / "model",
        corpus=DATASET / "corpus.parquet",
        queries=DATASET / "queries.parquet",
        shards=shard_files,
    output:
        vectors=kept(directory(vectors(RUN, "{dataset}")), "vectors"),
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
        corpus=lambda wildcards: str(CONFIG.dataset(wildcards.dataset).corpus or ""),
        code=CODE["encode"],
        options=options,
    shell:
        "rescalade-device {resources.gpu} -- rescalade encode "
        "{wildcards.recipe}/{wildcards.backbone}/{wildcards.variant}/seed{wildcards.seed} {wildcards.dataset} "
        "{params.options} 2>&1 | tee -i {log} >&2"
