"""Effectiveness and sparsity."""


rule score:
    input:
        retrieved=retrieved(RUN, "{dataset}"),
        timings=RUN / "retrieved" / "{dataset}.json",
        vectors=vectors(RUN, "{dataset}"),
        documents=of_documents(vectors),
        corpus=DATASET / "corpus.parquet",
        queries=DATASET / "queries.parquet",
        qrels=DATASET / "qrels.parquet",
    output:
        scores=report(
            scores(RUN, "{dataset}"),
            caption="../report/captions/scores.rst",
            category="Scores",
            subcategory="{backbone}",
            labels={"data set": "{dataset}", "variant": "{variant}", "seed": "{seed}"},
        ),
        per_query=per_query(RUN, "{dataset}"),
        record=record(scores(RUN, "{dataset}")),
    log:
        LOGS / "score" / RUN_NAME / "{dataset}.log",
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=settings("score", run=RUN_NAME, dataset="{dataset}"),
        code=CODE["score"],
        options=options,
    shell:
        "rescalade score "
        "{wildcards.recipe}/{wildcards.backbone}/{wildcards.variant}/seed{wildcards.seed} {wildcards.dataset} "
        "{params.options} 2>&1 | tee -i {log} >&2"


rule score_bm25:
    input:
        retrieved=retrieved(paths.bm25(), "{dataset}"),
        corpus=DATASET / "corpus.parquet",
        queries=DATASET / "queries.parquet",
        qrels=DATASET / "qrels.parquet",
    output:
        scores=report(
            scores(paths.bm25(), "{dataset}"),
            caption="../report/captions/scores.rst",
            category="Scores",
            subcategory="BM25",
            labels={"data set": "{dataset}", "variant": "", "seed": ""},
        ),
        per_query=per_query(paths.bm25(), "{dataset}"),
        record=record(scores(paths.bm25(), "{dataset}")),
    log:
        LOGS / "score" / "bm25" / "{dataset}.log",
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=settings("score", run="bm25", dataset="{dataset}"),
        code=CODE["score"],
        options=options,
    shell:
        "rescalade score bm25 {wildcards.dataset} {params.options} 2>&1 | tee -i {log} >&2"
