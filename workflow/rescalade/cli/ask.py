"""`rescalade search`: the pipeline's stage for a data set, one question from the terminal, or a file of questions.

    rescalade search RUN DATASET                                         the stage
    rescalade search RUN "some words" --dataset DATASET                  a question
    rescalade search MODEL "some words" --index FOLDER                   a question, without a configuration
    rescalade search MODEL questions.tsv --index FOLDER --out RUN.trec   a file of questions

What tells them apart is whether one of --dataset, --vectors and --index is given, so no question can be mistaken for a
data set.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rescalade.cli.ask_file import DEPTH, is_questions, questions_file, write_answers
from rescalade.cli.context import Context
from rescalade.cli.model_places import ModelPlace, RevisionOption, check_revision, model_of, model_place
from rescalade.cli.run_places import run_named
from rescalade.cli.surplus import refuse_surplus
from rescalade.errors import UserError, unknown
from rescalade.models.hub_ids import is_hub_id
from rescalade.paths import Paths
from rescalade.pipeline.graph import output

if TYPE_CHECKING:
    from rescalade.encoding.encoder import Encoder
    from rescalade.encoding.settings import EncodeSettings
    from rescalade.retrieval.answer import Answer, Matched
    from rescalade.retrieval.index import InvertedIndex

SHOWN = 10
"""Documents that an answer shows, where nothing else is said."""
TERMS = 8
"""Matching terms of each."""


def search(
    context: Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="MODEL_OR_RUN", help="RECIPE/BACKBONE/VARIANT/seedN or its folder, a model folder or a hub id."
        ),
    ],
    text: Annotated[
        str,
        typer.Argument(
            metavar="DATASET_OR_QUESTION", help="A data set, or words or a file of questions with an option below."
        ),
    ],
    dataset: Annotated[str | None, typer.Option("--dataset", help="Ask this data set of the run.")] = None,
    vectors: Annotated[Path | None, typer.Option("--vectors", help="Ask this folder of vectors.")] = None,
    index: Annotated[
        Path | None, typer.Option("--index", help="Ask this index; made from --vectors where it is missing.")
    ] = None,
    corpus: Annotated[Path | None, typer.Option("--corpus", help="Parquet of id, title, text, for snippets.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Run file to write for a file of questions, .trec or .trec.gz.")
    ] = None,
    top: Annotated[
        int | None, typer.Option("--top", min=1, help="Documents to show (10), or of each question of a file (1000).")
    ] = None,
    terms: Annotated[int, typer.Option("--terms", min=1, help="Matching terms to show of each.")] = TERMS,
    query_length: Annotated[int | None, typer.Option("--query-length", min=4, help="Tokens of the question.")] = None,
    revision: RevisionOption = None,
    as_data: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Retrieve for every query of a data set; or, with --dataset, --vectors or --index, answer questions.

    The answer shows the best documents and why: the terms that each shares with the question, with their weights.
    """
    check_revision([source], revision)
    if dataset is None and vectors is None and index is None:
        if out is not None or is_questions(text):
            raise UserError("say where to ask a file of questions: --dataset NAME, --vectors FOLDER or --index FOLDER")
        run = run_named(context.paths, source).folder
        if text not in context.config.model.datasets:
            error = unknown("data set", text, context.config.model.datasets)
            raise UserError(f"{error}; to ask a question, say where: --dataset NAME or --index FOLDER")
        others = {
            "--corpus": corpus is not None, "--top": top is not None, "--terms": terms != TERMS,
            "--query-length": query_length is not None, "--json": as_data,
        }  # fmt: skip
        refuse_surplus(others, f"the configuration says how {text} is searched (datasets.{text} and retrieval)")
        context.execute("search", run=run, dataset=text)
        return
    from rescalade.encoding.encoder import Encoder
    from rescalade.texts.own_texts import read_texts

    asked = questions_file(text, out)
    if not text.strip():
        raise UserError("the question is empty; the tokens around it alone would be searched for")
    if asked is not None:
        shown = {"--corpus": corpus is not None, "--terms": terms != TERMS, "--json": as_data}
        refuse_surplus(shown, "a file of questions is answered by a run file")
    questions = None if asked is None else read_texts(asked, for_run=True)
    place, vectors, index, corpus = _places(source, dataset, vectors, index, corpus, context.paths, revision)
    model = place.folder
    found, settings = _open(model, vectors, index)
    if query_length is not None:
        settings = settings.model_copy(update={"query_length": query_length})
    encoder = Encoder.load(model, settings, context.machine.device())
    if questions is None or out is None:
        _answer(encoder, found, text, corpus, top or SHOWN, terms, as_data)
        return
    threads, depth, tag = context.machine.threads, top or DEPTH, place.named.strip("/").replace("/", "-")
    empty = write_answers(encoder, found, questions, out, depth=depth, threads=threads, tag=tag)
    without = f"; {empty} of them share no term with any" if empty else ""
    typer.echo(f"{out}: {questions.count} questions, at most {depth} documents of each{without}")


def _places(
    source: str,
    dataset: str | None,
    vectors: Path | None,
    index: Path | None,
    corpus: Path | None,
    paths: Paths,
    revision: str | None,
) -> tuple[ModelPlace, Path | None, Path | None, Path | None]:
    """Folders of the model, the vectors and the index, and the file of texts."""
    if dataset is None:
        return model_place(paths, source, revision), vectors, index, corpus
    from rescalade.models.model_folder import is_model_folder
    from rescalade.vectors.shared_corpus import corpus_folder

    try:
        named = run_named(paths, source)
    except UserError:
        if is_hub_id(source) or is_model_folder(Path(source).expanduser()):
            raise UserError(
                f"{source} is a model, which has no data sets; use --index FOLDER or --vectors FOLDER, or name a run "
                f"under {paths.results}"
            ) from None
        raise
    run = named.folder
    texts = output(paths, "collection", "corpus", dataset=dataset)
    encoded = output(paths, "encode", "vectors", run=run, dataset=dataset)
    dataset = corpus_folder(encoded).name  # whose vectors and index hold the documents
    vectors = vectors or output(paths, "encode", "vectors", run=run, dataset=dataset)
    index = index or output(paths, "index", "index", run=run, dataset=dataset)
    corpus = corpus or (texts if texts.is_file() else None)
    return ModelPlace(model_of(paths, named), source), vectors, index, corpus


def _open(model: Path, vectors: Path | None, index: Path | None) -> tuple[InvertedIndex, EncodeSettings]:
    """The index, made where it is missing, and settings by which its queries are encoded as its documents were."""
    from rescalade.atomic import atomic_folder, sha256
    from rescalade.encoding.settings import EncodeSettings, like_vectors
    from rescalade.models.model_folder import is_model_folder, open_model_folder
    from rescalade.retrieval.header import HEADER, check_origin
    from rescalade.retrieval.index import build_index
    from rescalade.retrieval.storage import load_index, write_index
    from rescalade.vectors.manifest import CorpusShards, model_digest
    from rescalade.vectors.manifest_file import VectorsManifest
    from rescalade.vectors.vectors import MANIFEST

    if not is_model_folder(model):
        raise UserError(f"{model} holds no model; train the run, or name the folder of a model")
    digest, settings = model_digest(*open_model_folder(model).parts), EncodeSettings()
    made = None if vectors is None else VectorsManifest.read_or_none(vectors / MANIFEST)
    if made is not None:
        if made.model != digest:
            raise UserError(f"{vectors}: its vectors are of another model than {model}; encode again with this one")
        settings = like_vectors(model, made.settings)
    if index is not None and (vectors is None or (index / HEADER).is_file()):
        manifest_file = None if vectors is None else vectors / MANIFEST
        known = sha256(manifest_file) if manifest_file is not None and manifest_file.is_file() else ""
        check_origin(index, model=digest, vectors=known)
        return load_index(index), settings
    if index is not None and index.exists() and (not index.is_dir() or any(index.iterdir())):
        raise UserError(f"{index} holds something other than an index; choose another folder for --index")
    assert vectors is not None  # noqa: S101  # one of the two is given
    shards = CorpusShards(vectors)
    manifest = shards.manifest
    if index is None:
        return build_index(shards, manifest.vocabulary, model=digest), settings
    with atomic_folder(index) as output:
        write_index(output, shards, manifest.vocabulary, model=digest, vectors=sha256(vectors / MANIFEST))
    return load_index(index), settings


def _answer(
    encoder: Encoder, index: InvertedIndex, text: str, corpus: Path | None, top: int, shown: int, as_data: bool
) -> None:
    from rescalade.retrieval.answer import answers
    from rescalade.texts.token_names import token_names

    query, names = encoder.encode_query(text), token_names(encoder.tokenizer, encoder.vocabulary)

    def name(term: int) -> str:
        return names[term] or str(term)

    found = answers(index, query, top, name, corpus)
    ordered = sorted(zip(query.terms.tolist(), query.weights.tolist(), strict=True), key=lambda entry: -entry[1])
    terms = {name(term): weight for term, weight in ordered}
    if as_data:
        typer.echo(as_json(text, terms, found))
    elif sys.stdout.isatty():
        print_table(terms, found, shown)
    else:
        typer.echo(as_text(terms, found, shown))


def as_json(text: str, terms: dict[str, float], found: Sequence[Answer]) -> str:
    """Question, its terms and the answers as JSON, for programs."""
    documents = [asdict(answer) for answer in found]
    return json.dumps({"query": text, "terms": terms, "documents": documents}, ensure_ascii=False, indent=1)


def as_text(terms: dict[str, float], found: Sequence[Answer], shown: int) -> str:
    """Answers as lines without colour or frames."""
    lines = ["query: " + _weights(terms, shown)]
    for answer in found:
        lines.append(f"{answer.rank}. {answer.id}  {answer.score:.4f}")
        lines.append("   " + _why(answer.matched, shown))
        if answer.snippet:
            lines.append("   " + answer.snippet)
    if not found:
        lines.append("no document has a term of the query")
    return "\n".join(lines)


def print_table(terms: dict[str, float], found: Sequence[Answer], shown: int) -> None:
    """Answers as a table for a terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    console.print("[bold]query[/bold] " + escape(_weights(terms, shown)))
    table = Table(show_lines=True)
    table.add_column("", justify="right")
    table.add_column("document", overflow="fold")
    table.add_column("score", justify="right")
    table.add_column("matching terms: query × document = product", overflow="fold")
    for answer in found:
        text = f"[bold]{escape(answer.id)}[/bold]" + (f"\n{escape(answer.snippet)}" if answer.snippet else "")
        table.add_row(str(answer.rank), text, f"{answer.score:.4f}", escape(_why(answer.matched, shown, "\n")))
    console.print(table if found else "no document has a term of the query")


def _weights(terms: dict[str, float], shown: int) -> str:
    first = [f"{term} {weight:.2f}" for term, weight in list(terms.items())[:shown]]
    return ", ".join(first) + _more(len(terms) - shown)


def _why(matched: Sequence[Matched], shown: int, between: str = ", ") -> str:
    first = [f"{m.term} {m.query:.2f}×{m.document:.2f}={m.product:.2f}" for m in matched[:shown]]
    return between.join(first) + _more(len(matched) - shown)


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
