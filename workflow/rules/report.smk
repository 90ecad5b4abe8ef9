"""Tables, figures and pages over the runs of the experiment. Always made where Snakemake runs: they are small."""


rule tables:
    input:
        **model_results(CONFIG.backbones()),
    output:
        tables=report(
            directory(EXPERIMENT / "tables"),
            patterns=["{name}.csv"],
            caption="../report/captions/tables.rst",
            category="Tables",
            labels={"table": "{name}"},
        ),
    log:
        LOGS / "tables" / f"{CONFIG.name}.log",
    localrule: True
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=settings("tables"),
        code=CODE["tables"],
        options=options,
    shell:
        "rescalade tables {params.options} 2>&1 | tee -i {log} >&2"


rule figures:
    input:
        **model_results(CONFIG.backbones()),
    output:
        figures=report(
            directory(EXPERIMENT / "figures"),
            patterns=["{name}.svg"],
            caption="../report/captions/figures.rst",
            category="Figures",
            labels={"figure": "{name}"},
        ),
    log:
        LOGS / "figures" / f"{CONFIG.name}.log",
    localrule: True
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=settings("figures"),
        code=CODE["figures"],
        options=options,
    shell:
        "rescalade figures {params.options} 2>&1 | tee -i {log} >&2"


rule report:
    input:
        **model_results(CONFIG.backbones()),
        tables=EXPERIMENT / "tables",
        figures=EXPERIMENT / "figures",
        pages=[EXPERIMENT / f"{name}.html" for name in CONFIG.backbones()],
    output:
        page=report(
            EXPERIMENT / "index.html",
            caption="../report/captions/report.rst",
            category="Report",
            labels={"page": "experiment"},
        ),
    log:
        LOGS / "report" / f"{CONFIG.name}.log",
    localrule: True
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=settings("report"),
        code=CODE["report"],
        options=options,
    shell:
        "rescalade report --page index {params.options} 2>&1 | tee -i {log} >&2"


rule page:
    input:
        unpack(lambda wildcards: model_results([wildcards.backbone])),
    output:
        page=report(
            EXPERIMENT / "{backbone}.html",
            caption="../report/captions/page.rst",
            category="Report",
            labels={"page": "{backbone}"},
        ),
    log:
        LOGS / "page" / CONFIG.name / "{backbone}.log",
    localrule: True
    conda:
        "../../envs/rescalade.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=page_settings,
        code=CODE["report"],
        options=options,
    shell:
        "rescalade report --page {wildcards.backbone} {params.options} 2>&1 | tee -i {log} >&2"
