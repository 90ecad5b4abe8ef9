"""Backbones, their audit before training, and their divided heads."""


rule backbone:
    input:
        inputs("backbone"),
    output:
        **outputs("backbone"),
    log:
        log_file("backbone"),
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["backbone"].threads
    resources:
        **resources_of("backbone"),
    params:
        **params("backbone"),
    shell:
        command_line("backbone")


rule audit_backbone:
    input:
        inputs("audit_backbone"),
    output:
        **outputs(
            "audit_backbone",
            audit=dict(
                caption="../report/captions/audit.rst",
                category="Audits",
                labels={"backbone": "{backbone}"},
            ),
        ),
    log:
        log_file("audit_backbone"),
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["audit_backbone"].threads
    resources:
        **resources_of("audit_backbone"),
    params:
        **params("audit_backbone"),
    shell:
        command_line("audit_backbone")


rule rescale:
    input:
        inputs("rescale"),
    output:
        **outputs("rescale"),
    log:
        log_file("rescale"),
    wildcard_constraints:
        variant=r"k\d[^/]*",
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["rescale"].threads
    resources:
        **resources_of("rescale"),
    params:
        **params("rescale"),
    shell:
        command_line("rescale")


rule rescale_by_rule:
    input:
        inputs("rescale_by_rule"),
    output:
        **outputs("rescale_by_rule"),
    log:
        log_file("rescale_by_rule"),
    wildcard_constraints:
        variant=AUTOMATIC,
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["rescale_by_rule"].threads
    resources:
        **resources_of("rescale_by_rule"),
    params:
        **params("rescale_by_rule"),
    shell:
        command_line("rescale_by_rule")
