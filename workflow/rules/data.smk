"""Collections and training triples."""


rule source:
    input:
        [],
    output:
        folder=directory(paths.source("{source}")),
    log:
        LOGS / "source" / "{source}.log",
    conda:
        "../../envs/rescalade.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=settings("source", name="{source}"),
        code=kind_code("source"),
        options=options,
    shell:
        "rescalade source {wildcards.source} {params.options} 2>&1 | tee -i {log} >&2"


rule collection:
    input:
        dataset_source,
    output:
        corpus=DATASET / "corpus.parquet",
        queries=DATASET / "queries.parquet",
        qrels=DATASET / "qrels.parquet",
        given=DATASET / "given-triples.parquet",
        manifest=report(
            DATASET / "manifest.json",
            caption="../report/captions/collection.rst",
            category="Data",
            labels={"data set": "{dataset}"},
        ),
        record=DATASET / "record.json",
    log:
        LOGS / "collection" / "{dataset}.log",
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=settings("collection", dataset="{dataset}"),
        code=kind_code("collection"),
        options=options,
    shell:
        "rescalade collection {wildcards.dataset} {params.options} 2>&1 | tee -i {log} >&2"


rule triples:
    input:
        corpus=DATASET / "corpus.parquet",
        queries=DATASET / "queries.parquet",
        qrels=DATASET / "qrels.parquet",
        given=DATASET / "given-triples.parquet",
        manifest=DATASET / "manifest.json",
    output:
        triples=DATASET / "triples-{recipe}.parquet",
        manifest=DATASET / "triples-{recipe}.json",
        record=record(DATASET / "triples-{recipe}.parquet"),
    log:
        LOGS / "triples" / "{dataset}-{recipe}.log",
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        mem_mb=8000,
        runtime=120,
    params:
        settings=settings("triples", dataset="{dataset}", recipe="{recipe}"),
        code=CODE["triples"],
        options=options,
    shell:
        "rescalade triples {wildcards.dataset} --recipe {wildcards.recipe} {params.options} " "2>&1 | tee -i {log} >&2"
