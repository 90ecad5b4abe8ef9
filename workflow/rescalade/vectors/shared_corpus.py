"""A corpus that several data sets share: it is encoded and indexed once, under the name of one of them.

The vectors of another data set then hold its queries alone, and their manifest names, under `corpus`, the data set
whose vectors and index stand for the documents.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from rescalade.collection_manifest import CollectionManifest
from rescalade.errors import UserError
from rescalade.vectors.file_names import MANIFEST
from rescalade.vectors.manifest_file import EncodingFacts, State, VectorsManifest

STATES: tuple[State, ...] = get_args(State)


def check_same_corpus(own: Path, other: Path) -> None:
    """Refuse to take the documents of one data set for those of another that has not the same file.

    Args:
        own, other: folders of data sets, `other` the one whose documents are encoded.

    Raises:
        UserError: the two manifests have different digests for corpus.parquet.
    """
    found, expected = (
        CollectionManifest.read(folder / "manifest.json").sha256["corpus.parquet"] for folder in (own, other)
    )
    if found != expected:
        raise UserError(
            f"datasets.{own.name}.corpus names {other.name}, but their documents differ: sha256 {found[:12]}… and "
            f"{expected[:12]}…; delete {own} and make it again, or take the key away"
        )


def corpus_folder(vectors: Path) -> Path:
    """The folder of vectors that holds the documents: this one, or that of the data set it names."""
    manifest = VectorsManifest.read_or_none(vectors / MANIFEST)
    return vectors if manifest is None or manifest.corpus is None else vectors.with_name(manifest.corpus)


def check_belongs(folder: Path, queries: VectorsManifest, other: Path, documents: VectorsManifest) -> None:
    """Refuse queries and documents that were not encoded alike.

    Args:
        folder, queries: vectors that name another data set's documents, and their manifest.
        other, documents: the vectors named, and their manifest.

    Raises:
        UserError: model, tokenizer, corpus or a setting of documents differs, or `other` holds no documents itself.
    """
    again = f"encode {folder.name} and {other.name} again"
    if documents.corpus is not None:
        raise UserError(f"{other} holds no documents but those of {documents.corpus}; name that in {folder.name}")
    for what, (one, two) in {
        "model": (queries.model, documents.model),
        "tokenizer": (queries.tokenizer, documents.tokenizer),
        "corpus": (queries.data.corpus, documents.data.corpus),
    }.items():
        if one != two:
            raise UserError(f"{folder}: {what} {one[:12]}…, but {other} has {two[:12]}…; {again}")
    for key in ("document_length", "pool_special_tokens", "top_terms", "weights"):
        if queries.settings[key] != documents.settings[key]:
            raise UserError(
                f"{folder}: {key} {queries.settings[key]}, but {other} has {documents.settings[key]}; {again}"
            )


def encoding_facts(vectors: Path) -> EncodingFacts:
    """What became of the texts of a data set: for its scores, which a collapsed model has too."""
    own = VectorsManifest.read(vectors / MANIFEST)
    corpus = VectorsManifest.read(corpus_folder(vectors) / MANIFEST)
    both = [own] if own == corpus else [own, corpus]
    return EncodingFacts(
        state=min((part.state for part in both), key=STATES.index),
        non_finite_texts=sum(part.non_finite_texts for part in both),
        bounded_shards=sum(part.bounded_shards for part in both),
        active_terms=corpus.active_terms,
        weights=corpus.weights,
        left_out=corpus.left_out,
    )
