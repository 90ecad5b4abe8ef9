"""One invented file of each form that stages hand each other, with nothing null that holds keys."""

from __future__ import annotations

from typing import TypeVar

from rescalade.backbones.hub_lock import HubCommit
from rescalade.collection_manifest import CollectionManifest, CollectionProtocol, Counts, TriplesManifest
from rescalade.data.pydoc.pair_file import PackageCounts, PydocManifest
from rescalade.data.wheels.members import WheelManifest
from rescalade.outcome import Outcome
from rescalade.record import Environment, Record
from rescalade.rescaling.sidecar import Offset, Rescaled
from rescalade.scoring.scores import Scores, Searched, Sparsity, Timings
from rescalade.speed import Rates, Speed
from rescalade.step0 import Step0
from rescalade.stored import Stored
from rescalade.vectors.manifest_file import DataDigests, EncodingFacts, LeftOut, Removed, VectorsManifest
from support.synthetic_audits import invented_audit

Kind = TypeVar("Kind", bound=Stored)
FILES: list[Stored] = [
    invented_audit("bert", "gemma2", 2.5),
    VectorsManifest(
        model="ab", tokenizer="cd", data=DataDigests(corpus="12", queries="34"), vocabulary=60, documents=5, queries=3,
        postings=13, shards=("shard-00000.parquet",), weights="float32", settings={"document_length": 16},
        sha256={"shard-00000.parquet": "ef"}, state="ok", active_terms=2.5, non_finite_texts=0, bounded_shards=0,
        left_out=LeftOut(by_cap=Removed(postings=0.5, weight=0.25), by_storage=Removed(postings=0.0, weight=0.0)),
        corpus="other",
    ),
    CollectionManifest(
        dataset="pydoc", origin="docstrings", licence="BSD", link="https://x.org", packages={"torch": "2.13"},
        protocol=CollectionProtocol(document="text", grades={"1": 2}, judgements="one", candidates="all"),
        details={"commit": "ab"},
        counts=Counts(documents=5, queries=3, judgements=4, triples=7), groups={"torch": 3}, brings_triples=True,
        empty_documents=1, judged_but_missing=0, repeated_judgements=0, repeated="best", without_relevant=2,
        without_relevant_dropped=True, sha256={"corpus.parquet": "ab"},
    ),
    TriplesManifest(
        origin="mined", triples=7, sha256="ab", queries_without_positive=1, queries_without_negative=None
    ),
    PydocManifest(
        kind="pydoc", pairs=3,
        packages={"torch": PackageCounts(
            version="2.13", files_read=2, files_skipped=1, docstrings=5, dropped={"no summary": 2}, kept=3,
        )},
        sha256={"pairs.parquet": "ab"},
    ),
    WheelManifest(kind="wheel", package="a==1", wheel="ab", sha256={"train.jsonl.gz": "cd"}),
    HubCommit(id="owner/tiny", revision="main", commit="c" * 40),
    Speed(
        quantise="int8-weight", precision="bf16", device="cpu", threads=2, queries=3, documents=5,
        plain=Rates(queries_per_second=12.5, documents_per_second=80.0),
        compiled=Rates(queries_per_second=20.0, documents_per_second=90.0), weights_bytes=1000, device_peak_bytes=2000,
    ),
    Timings(index_bytes=1000, queries_per_second=12.5),
    Scores(
        run="mini/bert/k4/seed1", dataset="pydoc", queries=3, documents=5, metrics={"MRR@10": 0.5},
        groups={"torch": {"queries": 3, "MRR@10": 0.5}},
        sparsity=Sparsity(
            active_query=1.5, active_document=2.5, flops=3.5, flops_regulariser_query=0.5,
            flops_regulariser_document=0.25,
        ),
        timings=Searched(index_bytes=1000, queries_per_second=12.5),
        encoding=EncodingFacts(
            state="ok", non_finite_texts=0, bounded_shards=0, active_terms=2.5, weights="float32",
            left_out=LeftOut(
                by_cap=Removed(postings=0.5, weight=0.25), by_storage=Removed(postings=0.0, weight=0.0)
            ),
        ),
    ),
    Rescaled(
        variant="kauto-loss", scale=4.0, mode="tied", bias=False, rule="loss", logit_error=0.25, row_norm_before=2.0,
        row_norm_after=0.5, bias_norm=1.5, vocabulary=60, width=16, tied=True, norm="LayerNorm", soft_cap=30.0,
        model_type="bert", causal=False, versions={"torch": "2.13.0"}, origin_sha256="ab",
        offset=Offset(c=2.0, texts=256, mean=3.5, sd=0.5, given=False), no_sparse_encoder="it reads a text twice",
    ),
    Outcome(
        run="mini/bert/k4/seed1", recipe="mini", backbone="bert", variant="k4", scale=4.0, mode="tied", bias=False,
        seed=1, steps=3, triples=20, examples=18, counts={"documents cut": 2}, verdict="dead", definitions=2,
        since_step=1, causes=("0.00 active terms per document",), first_loss=7.5, last_loss=2.5, skipped_steps=0,
        nonfinite_losses=0, nonfinite_weights=0, stopped_at=None, row_norm_before=0.5, row_norm_after=0.75, devices=1,
        seconds=12.5,
    ),
    Step0(
        recipe="mini", backbone="bert", variant="k4", scale=4.0, mode="tied", bias=False, seed=1, loss=7.5,
        standard_error=0.25, batches=64, queries=32, candidates=64,
    ),
    Record(
        stage="train", settings={"learning_rate": 0.5}, code="c0de",
        made=Environment(
            rescalade="0.1.0", git="0123+", python="3.11.7", packages={"torch": "2.13.0"}, platform="Linux",
            cpu="A CPU", cores=2, gpu=None,
        ),
        inputs={"a/model.safetensors": "ab"}, seconds=1.5, peak_memory_bytes=1000,
    ),
]  # fmt: skip


def file_of(kind: type[Kind]) -> Kind:
    """The one of that form."""
    return next(file for file in FILES if isinstance(file, kind))
