"""How each engine wants a document, a query and its settings. Terms are vocabulary numbers, written as strings.

Numbers rather than tokens, because a token may hold what an engine forbids in a name: OpenSearch and Elasticsearch
refuse dots, whitespace ends a token in Anserini. `vocabulary.json` beside the files tells which number is which.
Sources: docs/exports.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

FIELD = "terms"
"""Name of the field that holds the vector."""

Terms = list[str]
Weights = list[str]
"""Weights in JSON's notation: integers, or the shortest digits that give the same float32 again."""


@dataclass(frozen=True)
class Format:
    """How one engine wants vectors.

    integers: weights are round(w * scale). document, query: text of one of them, with its newlines.
    documents, queries: names of the files. others: further files by name.
    nine_bits: the engine keeps nine significant bits of a document's weight, as Lucene's FeatureField does. Anserini
        stores impacts as term frequencies instead, which are whole.
    topics: queries are lines of words, among which one without words stops the engine.
    one_file: the engine reads its documents from a single file, however large.
    largest_query: the engine refuses larger weights in a query; None: it takes any.
    """

    integers: bool
    document: Callable[[str, Terms, Weights], str]
    query: Callable[[str, Terms, Weights], str]
    documents: str
    queries: str
    others: dict[str, str]
    nine_bits: bool = False
    topics: bool = False
    one_file: bool = False
    largest_query: float | None = None


def vector(terms: Terms, weights: Weights) -> str:
    """A JSON object of weight by term."""
    return "{" + ",".join(f'"{term}":{weight}' for term, weight in zip(terms, weights, strict=True)) + "}"


def anserini_document(name: str, terms: Terms, weights: Weights) -> str:
    """A document as Anserini's JsonVectorCollection reads it."""
    return f'{{"id":{json.dumps(name)},"contents":"","vector":{vector(terms, weights)}}}\n'


def repeated(terms: Terms, weights: Weights) -> str:
    """Each term as often as its weight says."""
    return " ".join(term for term, weight in zip(terms, weights, strict=True) for _ in range(int(weight)))


def anserini_query(name: str, terms: Terms, weights: Weights) -> str:
    """A query as Anserini's topic reader TsvString reads it."""
    return f"{name}\t{repeated(terms, weights)}\n"


def ciff_query(name: str, terms: Terms, weights: Weights) -> str:
    """A query as PISA and BMP read it: its id, a colon, its terms; a line without a colon would be terms alone."""
    return f"{name}:{repeated(terms, weights)}\n"


def bulk_document(name: str, terms: Terms, weights: Weights) -> str:
    """A document as two lines of the bulk interface, which OpenSearch and Elasticsearch share."""
    return f'{{"index":{{"_id":{json.dumps(name)}}}}}\n{{"{FIELD}":{vector(terms, weights)}}}\n'


def opensearch_query(name: str, terms: Terms, weights: Weights) -> str:
    """A query of type neural_sparse, with the tokens given."""
    body = f'{{"query":{{"neural_sparse":{{"{FIELD}":{{"query_tokens":{vector(terms, weights)}}}}}}}}}'
    return f'{{"id":{json.dumps(name)},"body":{body}}}\n'


def elasticsearch_query(name: str, terms: Terms, weights: Weights) -> str:
    """A query of type sparse_vector with pruning off, without which the result is not exact."""
    inside = f'"field":"{FIELD}","query_vector":{vector(terms, weights)},"prune":false'
    return f'{{"id":{json.dumps(name)},"body":{{"query":{{"sparse_vector":{{{inside}}}}}}}}}\n'


def vespa_document(name: str, terms: Terms, weights: Weights) -> str:
    """A document as a put of the feed; the field is a weighted set."""
    address = json.dumps(f"id:rescalade:passage::{name}")
    return f'{{"put":{address},"fields":{{"id":{json.dumps(name)},"{FIELD}":{vector(terms, weights)}}}}}\n'


def vespa_query(name: str, terms: Terms, weights: Weights) -> str:
    """A query by dotProduct, which scores every match; wand would prune."""
    question = f"select id from passage where dotProduct({FIELD}, {vector(terms, weights)})"  # noqa: S608  # YQL
    return json.dumps({"id": name, "body": {"yql": question, "ranking": "impact"}}) + "\n"


def seismic_text(name: str, terms: Terms, weights: Weights) -> str:
    """A document or a query: Seismic reads both alike."""
    return f'{{"id":{json.dumps(name)},"content":"","vector":{vector(terms, weights)}}}\n'


LUCENE_FEATURE_WEIGHT = 64.0
"""FeatureField.newLinearQuery throws above it, and neural_sparse hands it each weight as it is. Elasticsearch does not:
it boosts a query of weight 1."""

OPENSEARCH_INDEX = {"mappings": {"properties": {FIELD: {"type": "rank_features"}}}}
ELASTICSEARCH_INDEX = {
    "mappings": {"properties": {FIELD: {"type": "sparse_vector", "index_options": {"prune": False}}}}
}
VESPA_SCHEMA = f"""schema passage {{
    document passage {{
        field id type string {{ indexing: summary | attribute }}
        field {FIELD} type weightedset<string> {{
            indexing: attribute
            attribute: fast-search
        }}
    }}
    rank-profile impact {{
        first-phase {{ expression: rawScore({FIELD}) }}
    }}
}}
"""

FORMATS = {
    "anserini": Format(
        True, anserini_document, anserini_query, "documents/part-{:05d}.jsonl", "queries.tsv", {}, topics=True
    ),
    "opensearch": Format(
        True,
        bulk_document,
        opensearch_query,
        "bulk/part-{:05d}.ndjson",
        "queries.jsonl",
        {"index.json": json.dumps(OPENSEARCH_INDEX, indent=1) + "\n"},
        nine_bits=True,
        largest_query=LUCENE_FEATURE_WEIGHT,
    ),
    "elasticsearch": Format(
        True,
        bulk_document,
        elasticsearch_query,
        "bulk/part-{:05d}.ndjson",
        "queries.jsonl",
        {"index.json": json.dumps(ELASTICSEARCH_INDEX, indent=1) + "\n"},
        nine_bits=True,
    ),
    "vespa": Format(
        True, vespa_document, vespa_query, "feed/part-{:05d}.jsonl", "queries.jsonl", {"passage.sd": VESPA_SCHEMA}
    ),
    "seismic": Format(False, seismic_text, seismic_text, "documents.jsonl", "queries.jsonl", {}, one_file=True),
}
"""The formats of one text after another, by the name on the command line; CIFF, which goes by term, is in ciff.py."""
