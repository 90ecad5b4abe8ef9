"""Commands from a trained run to its scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rescalade import paths as layout
from rescalade.atomic import atomic_folder, sha256, write_json
from rescalade.cli.context import Context, stage_command
from rescalade.cli.effect import effect
from rescalade.cli.own_texts import encode_own_texts
from rescalade.cli.scores import score
from rescalade.errors import UserError
from rescalade.pipeline.digest import code_digest
from rescalade.pipeline.records import Recorder
from rescalade.pipeline.stages import parse_run
from rescalade.progress import Reporter


def register(app: typer.Typer) -> None:
    """Add the commands, but for `search`, which rescalade.cli.ask puts before a second meaning."""
    for function in (encode, index, score):
        app.command()(stage_command(function))
    app.command()(effect)


ShardOption = Annotated[int | None, typer.Option(min=0, help="Only this shard of the corpus, counted from 0.")]
TextsOption = Annotated[
    Path | None, typer.Option(help="Documents of your own: .tsv (id, tab, text) or .jsonl (id, title, text).")
]
QueriesOption = Annotated[Path | None, typer.Option(help="Queries of your own, in the same formats.")]
OutOption = Annotated[Path | None, typer.Option(help="Folder for the vectors of your own texts.")]
RunArgument = typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN")


def encode(
    context: Context,
    run: str = typer.Argument(help="RECIPE/BACKBONE/VARIANT/seedN, or for texts of your own also a model folder"),
    dataset: str = typer.Argument("", help="Data set; leave out for texts of your own."),
    shard: ShardOption = None,
    texts: TextsOption = None,
    queries: QueriesOption = None,
    out: OutOption = None,
) -> None:
    """Encode a data set, or texts of your own, with a trained run."""
    from rescalade.encoding.encode import EncodeJob, EncodeSettings
    from rescalade.encoding.work_folder import WorkFolder
    from rescalade.texts.text_parts import folder_texts
    from rescalade.vectors.shared_corpus import check_same_corpus

    if texts is not None or queries is not None or out is not None or not dataset:
        encode_own_texts(context, run, texts, queries, out, surplus=dataset)
        return
    folder, data = context.paths.run(parse_run(run)), context.paths.dataset(dataset)
    settings_text = context.settings("encode", run=run, dataset=dataset)
    target, model = layout.vectors(folder, dataset), folder / "model"
    recorder = Recorder("encode", settings_text, [*sorted(model.glob("*.safetensors")), data / "corpus.parquet"])
    documents, questions = folder_texts(data)
    corpus_of = context.config.dataset(dataset).corpus
    if corpus_of is not None:
        check_same_corpus(data, context.paths.dataset(corpus_of))
    check_count(context.config.dataset(dataset).documents, documents.count, dataset)
    job = EncodeJob(
        model,
        documents,
        questions,
        EncodeSettings(**json.loads(settings_text)),
        work=WorkFolder(layout.encoding(folder, dataset), earlier=target),
        tokens=context.paths.tokens(dataset),
        code=code_digest("encode"),
        corpus_of=corpus_of,
    )
    devices = context.devices()
    with Reporter(f"encode {run} {dataset}") as progress:
        if shard is not None:
            job.encode_shard(shard, devices[0], progress)
            return
        manifest = job.encode(devices, progress)
    recorder.write(job.work.folder / "record.json")
    job.work.publish({*manifest["sha256"], "manifest.json", "record.json"}, target)


def check_count(declared: int | None, found: int, dataset: str) -> None:
    """Refuse a data set whose size is not the declared one.

    Raises:
        UserError: the two differ; the graph's shard jobs would not cover it.
    """
    if declared is not None and declared != found:
        raise UserError(f"datasets.{dataset}.documents says {declared}, the corpus has {found}; correct it")


def index(
    context: Context,
    run: str = RunArgument,
    dataset: str = typer.Argument(),
    memory_mb: int = typer.Option(256, "--memory-mb", min=1, help="Memory for postings, beside one shard of vectors."),
) -> None:
    """Invert the vectors of a data set."""
    from rescalade.retrieval.storage import write_index
    from rescalade.vectors.manifest import CorpusShards
    from rescalade.vectors.vectors import MANIFEST

    folder = context.paths.run(parse_run(run))
    vectors = layout.vectors(folder, dataset)
    recorder = Recorder("index", context.settings("index", run=run, dataset=dataset), [vectors / MANIFEST])
    shards = CorpusShards(vectors)
    manifest = shards.manifest
    if shards.folder != vectors:
        raise UserError(
            f"{dataset} has the documents of {shards.folder.name}, whose index its queries are searched in; "
            f"run `rescalade index {run} {shards.folder.name}`"
        )
    with atomic_folder(layout.index(folder, dataset)) as output:
        write_index(
            output,
            shards,
            manifest["vocabulary"],
            model=manifest["model"],
            vectors=sha256(vectors / MANIFEST),
            memory_mb=memory_mb,
        )
        recorder.write(output / "record.json")


def search(context: Context, run: str = RunArgument, dataset: str = typer.Argument()) -> None:
    """Retrieve the best documents for every query of a data set."""
    from rescalade.retrieval.header import check_origin, verify
    from rescalade.retrieval.ranker import Ranker
    from rescalade.retrieval.storage import load_index
    from rescalade.scoring.flops import sparsity
    from rescalade.scoring.runfile import write_run
    from rescalade.vectors.manifest import CorpusShards
    from rescalade.vectors.vectors import MANIFEST, QUERIES, read_vectors

    folder = context.paths.run(parse_run(run))
    vectors = layout.vectors(folder, dataset)
    recorder = Recorder("search", context.settings("search", run=run, dataset=dataset), [vectors / MANIFEST])
    shards = CorpusShards(vectors)
    manifest = shards.manifest
    queries = read_vectors(vectors / QUERIES)
    stored = layout.index(folder, shards.folder.name)  # of the data set whose documents these are
    verify(stored)
    check_origin(stored, model=manifest["model"], vectors=sha256(shards.folder / MANIFEST))
    inverted, settings = load_index(stored), context.config.dataset(dataset)
    ranker = Ranker(inverted, settings.depth, settings.drop_identical_ids, context.threads)
    path = layout.retrieved(folder, dataset)
    write_run(path, ranker.rankings(queries), tag=run.replace("/", "-"))
    measures = {
        **sparsity(queries, shards, manifest["vocabulary"]),
        "index_bytes": inverted.bytes,
        "queries_per_second": len(queries) / max(ranker.seconds, 1e-9),
    }
    write_json(path.with_name(f"{dataset}.json"), measures)
    recorder.write(path.with_name(f"{dataset}.record.json"))
