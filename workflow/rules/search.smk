"""Inverted indexes, exact retrieval with them, and BM25."""


rule index:
    input:
        inputs("index"),
    output:
        **outputs("index", level="all"),
    log:
        log_file("index"),
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["index"].threads
    resources:
        **resources_of("index"),
    params:
        **params("index"),
    shell:
        command_line("index")


rule search:
    input:
        inputs("search"),
    output:
        **outputs("search"),
    log:
        log_file("search"),
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["search"].threads
    resources:
        **resources_of("search"),
    params:
        **params("search"),
    shell:
        command_line("search")


rule bm25:
    input:
        inputs("bm25"),
    output:
        **outputs("bm25"),
    log:
        log_file("bm25"),
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["bm25"].threads
    resources:
        **resources_of("bm25"),
    params:
        **params("bm25"),
    shell:
        command_line("bm25")
