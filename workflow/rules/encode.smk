"""Sparse vectors of corpora and queries.

A data set that declares its size has its shards encoded by jobs of their own. `encode` adds the queries and the manifest
and moves the folder of the shards to where the vectors belong: for Snakemake they were temporary. Any other data set is
encoded by one job, whose finished shards outlive a kill in that same folder, which nobody declares then.
"""


rule encode_shard:
    input:
        inputs("encode_shard"),
    output:
        **outputs("encode_shard", level="never"),
    log:
        log_file("encode_shard"),
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["encode_shard"].threads
    resources:
        **resources_of("encode_shard"),
    params:
        **params("encode_shard"),
    shell:
        command_line("encode_shard")


rule encode:
    input:
        inputs("encode"),
    output:
        **outputs("encode", level="vectors"),
    log:
        log_file("encode"),
    conda:
        "../../envs/rescalade.yaml"
    threads: STAGES["encode"].threads
    resources:
        **resources_of("encode"),
    params:
        **params("encode"),
    shell:
        command_line("encode")
