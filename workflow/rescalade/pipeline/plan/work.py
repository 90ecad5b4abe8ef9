"""What the jobs amount to: runs, steps, tokens, documents, hours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from rescalade.config import Config
from rescalade.models.splade_config import LONGEST
from rescalade.paths import Paths
from rescalade.pipeline.jobs import Job, Key
from rescalade.pipeline.plan import counts
from rescalade.pipeline.plan.assumptions import Assumptions
from rescalade.pipeline.plan.memory import training_bytes
from rescalade.pipeline.plan.shapes import UNKNOWN, shape_of
from rescalade.pipeline.plan.speed import TRAIN_OPERATIONS, Speed, speed_of
from rescalade.runs import READY
from rescalade.training.steps import optimiser_steps
from rescalade.variants import Scalar


@dataclass
class Work:
    """Sums over some jobs.

    adapt_tokens: read by adaptation phases. hours: of one device, training with adaptation. memory: bytes that a GPU
    needs to train, by backbone. speeds: how each backbone's hours were found. unknown: what is not in the sums, because
    nobody knows its size yet.
    """

    runs: int = 0
    steps: int = 0
    train_tokens: float = 0.0
    adapt_tokens: float = 0.0
    documents: int = 0
    encode_tokens: float = 0.0
    train_hours: float = 0.0
    encode_hours: float = 0.0
    memory: dict[str, int] = field(default_factory=dict)
    speeds: dict[str, Speed] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)


def measure_work(
    config: Config, paths: Paths, jobs: Mapping[Key, Job], keys: Iterable[Key], assumed: Assumptions
) -> Work:
    """Add up the training and encoding jobs among `keys`.

    Queries count as texts to encode like documents; their few tokens weigh little.
    """
    work = Work()
    retrieval = config.model.retrieval
    chosen = list(keys)
    split = {key[1:3] for key in jobs if key[0] == "encode_shard"}

    @cache
    def per_backbone(
        recipe: str, backbone: str, over: tuple[tuple[str, Scalar], ...]
    ) -> tuple[int, float, float, float, Speed]:
        """Steps of a run, tokens of a step, of a document and of a query, and the speed."""
        if shape_of(config, paths, backbone) is None:
            work.unknown.add(f"size of {backbone}, taken as BERT-base's")
        if recipe == READY:  # it is not trained, and its lengths are its own
            document = min(assumed.document_tokens, retrieval.document_length or LONGEST)
            question = min(assumed.query_tokens, retrieval.query_length or LONGEST)
            return 0, 0.0, document, question, speed_of(config, paths, (recipe, backbone), assumed, 0.0, document)
        train = config.train_settings(backbone, config.experiment_of(recipe), over)
        known = counts.examples(config, paths, config.experiment.train_on, recipe)
        if known is None and train.max_steps is None:
            work.unknown.add(f"training examples of {config.experiment.train_on}")
        steps = optimiser_steps(train, known or 0) if known or train.max_steps else 0
        query = min(assumed.query_tokens, train.query_length)
        passage = min(assumed.document_tokens, train.document_length)
        tokens = train.batch_size * train.accumulation * (query + (1 + train.negatives) * passage)
        document = min(assumed.document_tokens, retrieval.document_length or train.document_length)
        question = min(assumed.query_tokens, retrieval.query_length or train.query_length)
        return steps, tokens, document, question, speed_of(config, paths, (recipe, backbone), assumed, tokens, document)

    for key in chosen:
        job = jobs[key]
        if job.rule == "adapt":
            _add_adaptation(config, paths, job.names, assumed, work)
        if job.run is None or job.rule not in ("train", "encode", "encode_shard"):
            continue
        steps, tokens, document, question, speed = per_backbone(job.run.recipe, job.run.backbone, job.run.variant.over)
        work.speeds[job.run.backbone] = speed
        if job.rule == "train":
            work.runs += 1
            work.steps += steps
            work.train_tokens += steps * tokens
            work.train_hours += steps * speed.step / 3600
            shape = shape_of(config, paths, job.run.backbone) or UNKNOWN
            needed = training_bytes(config, job.run.recipe, job.run.backbone, shape, job.run.variant.over)
            work.memory[job.run.backbone] = max(work.memory.get(job.run.backbone, 0), needed)
            continue
        texts, questions = _texts(config, paths, key, split, work)
        work.documents += texts
        work.encode_tokens += texts * document + questions * question
        work.encode_hours += (texts + questions * question / document) * speed.document / 3600
    return work


def _add_adaptation(config: Config, paths: Paths, names: Mapping[str, str], assumed: Assumptions, work: Work) -> None:
    phase = config.recipe_named(names["recipe"]).adaptation
    if phase is not None:
        tokens = phase.steps * phase.accumulation * phase.batch_size * phase.length
        weights = (shape_of(config, paths, names["backbone"]) or UNKNOWN).computed
        work.adapt_tokens += tokens
        work.train_hours += tokens * TRAIN_OPERATIONS * weights / assumed.flops(phase.precision) / 3600


def _texts(config: Config, paths: Paths, key: Key, split: set[Key], work: Work) -> tuple[int, int]:
    """Documents and queries that an encoding job encodes."""
    rule, run, name, *number = key
    documents = counts.documents(config, paths, name) or 0
    shard = config.model.retrieval.shard_documents
    if rule == "encode_shard":
        return min(shard, documents - int(number[0]) * shard), 0
    found = counts.queries(config, paths, name)
    if found is None or not documents:
        work.unknown.add(f"size of {name}")
    elsewhere = (run, name) in split or config.dataset(name).corpus is not None
    return 0 if elsewhere else documents, found or 0


def weights_of(config: Config, paths: Paths, backbone: str) -> int:
    """Weights of a backbone, BERT-base's where nothing is known."""
    return (shape_of(config, paths, backbone) or UNKNOWN).parameters
