"""manifest.json of a data set and of training triples: counts, origin, and the digests that guard the files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from rescalade.stored import Stored
from rescalade.strict import Strict


class CollectionProtocol(Strict):
    """How texts, grades and judgements were made, in words; null where the source says nothing.

    document: what of title and text is one. grades: the gain of each grade, where it is not the grade itself.
    """

    document: str | None
    grades: Mapping[str, int] | None
    judgements: str | None
    candidates: str | None


class Counts(Strict):
    """triples: None of a set that brings none."""

    documents: int
    queries: int
    judgements: int
    triples: int | None


class CollectionManifest(Stored):
    """`data/DATASET/manifest.json`, written last.

    origin, licence, link: in words. packages: versions that the texts are from. details: what else the source knows of
    itself, as a commit. groups: queries by group. brings_triples: whether the source has training triples.
    empty_documents, judged_but_missing, repeated_judgements: oddities that were counted. repeated: which of several
    judgements of one query and document counts, where there were such. without_relevant: queries none of whose grades
    is 1 or more; without_relevant_dropped: whether they were left out. sha256: by name of the file.
    """

    schema_version: int = 2

    dataset: str
    origin: str | None
    licence: str | None
    link: str | None
    packages: Mapping[str, str]
    protocol: CollectionProtocol
    details: Mapping[str, Any]
    counts: Counts
    groups: Mapping[str, int]
    brings_triples: bool
    empty_documents: int
    judged_but_missing: int
    repeated_judgements: int
    repeated: Literal["first", "best", "last"] | None
    without_relevant: int
    without_relevant_dropped: bool
    sha256: Mapping[str, str]


class TriplesManifest(Stored):
    """`triples-RECIPE.json` beside its table.

    origin: whether the data set brought them. queries_without_positive, queries_without_negative: left out; None where
    nothing was mined.
    """

    origin: Literal["given", "mined"]
    triples: int
    sha256: str
    queries_without_positive: int | None
    queries_without_negative: int | None
