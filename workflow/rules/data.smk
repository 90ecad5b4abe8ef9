"""Collections and training triples."""


rule source:
    input:
        inputs("source"),
    output:
        **outputs("source"),
    log:
        log_file("source"),
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["source"].threads
    resources:
        **resources_of("source"),
    params:
        **params("source"),
    shell:
        command_line("source")


rule collection:
    input:
        inputs("collection"),
    output:
        **outputs(
            "collection",
            manifest=dict(
                caption="../report/captions/collection.rst",
                category="Data",
                labels={"data set": "{dataset}"},
            ),
        ),
    log:
        log_file("collection"),
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["collection"].threads
    resources:
        **resources_of("collection"),
    params:
        **params("collection"),
    shell:
        command_line("collection")


rule triples:
    input:
        inputs("triples"),
    output:
        **outputs("triples"),
    log:
        log_file("triples"),
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["triples"].threads
    resources:
        **resources_of("triples"),
    params:
        **params("triples"),
    shell:
        command_line("triples")
