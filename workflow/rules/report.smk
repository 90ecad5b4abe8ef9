"""Tables, figures and pages over the runs of the experiment. Always made where Snakemake runs: they are small."""


rule tables:
    input:
        inputs("tables"),
    output:
        **outputs(
            "tables",
            tables=dict(
                caption="../report/captions/tables.rst",
                category="Tables",
                patterns=["{name}.csv"],
                labels={"table": "{name}"},
            ),
        ),
    log:
        log_file("tables"),
    localrule: True
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["tables"].threads
    resources:
        **resources_of("tables"),
    params:
        **params("tables"),
    shell:
        command_line("tables")


rule figures:
    input:
        inputs("figures"),
    output:
        **outputs(
            "figures",
            figures=dict(
                caption="../report/captions/figures.rst",
                category="Figures",
                patterns=["{name}.svg"],
                labels={"figure": "{name}"},
            ),
        ),
    log:
        log_file("figures"),
    localrule: True
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["figures"].threads
    resources:
        **resources_of("figures"),
    params:
        **params("figures"),
    shell:
        command_line("figures")


rule report:
    input:
        inputs("report"),
    output:
        **outputs(
            "report",
            page=dict(
                caption="../report/captions/report.rst",
                category="Report",
                labels={"page": "experiment"},
            ),
        ),
    log:
        log_file("report"),
    localrule: True
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["report"].threads
    resources:
        **resources_of("report"),
    params:
        **params("report"),
    shell:
        command_line("report")


rule page:
    input:
        inputs("page"),
    output:
        **outputs(
            "page",
            page=dict(
                caption="../report/captions/page.rst",
                category="Report",
                labels={"page": "{backbone}"},
            ),
        ),
    log:
        log_file("page"),
    localrule: True
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["page"].threads
    resources:
        **resources_of("page"),
    params:
        **params("page"),
    shell:
        command_line("page")
