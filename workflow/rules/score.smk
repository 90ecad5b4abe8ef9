"""Effectiveness and sparsity."""


rule score:
    input:
        inputs("score"),
    output:
        **outputs(
            "score",
            scores=dict(
                caption="../report/captions/scores.rst",
                category="Scores",
                subcategory="{backbone}",
                labels={"data set": "{dataset}", "variant": "{variant}", "seed": "{seed}"},
            ),
        ),
    log:
        log_file("score"),
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["score"].threads
    resources:
        **resources_of("score"),
    params:
        **params("score"),
    shell:
        command_line("score")


rule score_bm25:
    input:
        inputs("score_bm25"),
    output:
        **outputs(
            "score_bm25",
            scores=dict(
                caption="../report/captions/scores.rst",
                category="Scores",
                subcategory="BM25",
                labels={"data set": "{dataset}", "variant": "", "seed": ""},
            ),
        ),
    log:
        log_file("score_bm25"),
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["score_bm25"].threads
    resources:
        **resources_of("score_bm25"),
    params:
        **params("score_bm25"),
    shell:
        command_line("score_bm25")
