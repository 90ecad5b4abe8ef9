"""Inverted indexes, exact retrieval with them, and BM25."""


rule index:
    input:
        vectors=vectors(RUN, "{dataset}"),
    output:
        index=kept(directory(index(RUN, "{dataset}")), "all"),
    log:
        LOGS / "index" / RUN_NAME / "{dataset}.log",
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        settings=settings("index", run=RUN_NAME, dataset="{dataset}"),
        code=CODE["index"],
        options=options,
    shell:
        "rescalade index "
        "{wildcards.recipe}/{wildcards.backbone}/{wildcards.variant}/seed{wildcards.seed} {wildcards.dataset} "
        "{params.options} 2>&1 | tee -i {log} >&2"


rule search:
    input:
        index=of_documents(index),
        documents=of_documents(vectors),
        vectors=vectors(RUN, "{dataset}"),
    output:
        retrieved=retrieved(RUN, "{dataset}"),
        timings=RUN / "retrieved" / "{dataset}.json",
        record=record(retrieved(RUN, "{dataset}")),
    log:
        LOGS / "search" / RUN_NAME / "{dataset}.log",
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        settings=settings("search", run=RUN_NAME, dataset="{dataset}"),
        code=CODE["search"],
        options=options,
    shell:
        "rescalade search "
        "{wildcards.recipe}/{wildcards.backbone}/{wildcards.variant}/seed{wildcards.seed} {wildcards.dataset} "
        "{params.options} 2>&1 | tee -i {log} >&2"


rule bm25:
    input:
        corpus=DATASET / "corpus.parquet",
        queries=DATASET / "queries.parquet",
    output:
        retrieved=retrieved(paths.bm25(), "{dataset}"),
        record=record(retrieved(paths.bm25(), "{dataset}")),
    log:
        LOGS / "bm25" / "{dataset}.log",
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        settings=settings("bm25", dataset="{dataset}"),
        code=CODE["bm25"],
        options=options,
    shell:
        "rescalade bm25 {wildcards.dataset} {params.options} 2>&1 | tee -i {log} >&2"
