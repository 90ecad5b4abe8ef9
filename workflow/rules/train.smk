"""SPLADE training. Checkpoints lie under results/.checkpoints, which no rule declares: they outlive a failed job."""


rule train:
    input:
        inputs("train"),
    output:
        **outputs(
            "train",
            outcome=dict(
                caption="../report/captions/outcome.rst",
                category="Runs",
                labels={"backbone": "{backbone}", "variant": "{variant}", "seed": "{seed}"},
            ),
        ),
    log:
        log_file("train"),
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["train"].threads
    resources:
        **resources_of("train"),
    params:
        **params("train"),
    shell:
        command_line("train")
