"""Every switch by which two evaluations of the same set can differ: how it is made, searched and scored."""

from __future__ import annotations

from rescalade.collection_manifest import CollectionManifest
from rescalade.data.dataset_config import DatasetConfig
from rescalade.report.results.numbers import listed
from rescalade.report.results.summary import Summary
from rescalade.report.tables.table import Column, Columns, Entry, Row, Table, number, text, values_of
from rescalade.scoring.measures import measure
from rescalade.texts.analyser import AnalyserName

BM25_WORDS: dict[AnalyserName, str] = {
    "english": "words stemmed by Porter's algorithm, without stop words, as Anserini does by default",
    "words": "words of two characters and more as they stand, without stop words",
}
STORED = {"auto": "float32, or as float16 where that loses nothing"}


PROTOCOL: Columns[[DatasetConfig, CollectionManifest | None]] = {
    Column("document", "Document", numeric=False, wide=True): lambda entry, made: text(
        made.protocol.document if made else None
    ),
    Column("gain", "Gain of nDCG", numeric=False, wide=True): lambda entry, made: text(_gains(made) or "the grade"),
    Column("minimum_grade", "Relevant from grade", note="for MRR and recall"): lambda entry, made: number(
        entry.minimum_grade, "count"
    ),
    Column("depth", "Depth", note="documents retrieved per query"): lambda entry, made: number(entry.depth, "count"),
    Column("metric", "Main measure", numeric=False): lambda entry, made: text(measure(entry.metric).name),
    Column("left_out", "Left out", numeric=False, wide=True): lambda entry, made: text(
        "the document whose id is the query's" if entry.drop_identical_ids else "nothing"
    ),
    Column("remarks", "Remarks", numeric=False, wide=True): lambda entry, made: text(
        "; ".join([*_remarks(made), *([f"documents of {entry.corpus}"] if entry.corpus is not None else [])]) or None
    ),
}


def protocol_table(summary: Summary) -> Table:
    """One row per data set that runs are tested on; what is the same for all stands below."""
    config, manifests = summary.config, summary.results.manifests
    return Table(
        name="protocol",
        title="Evaluation protocol",
        caption="How each set is made, searched and scored. Numbers of other sources compare only where these agree.",
        columns=[Column("name", "Data set", numeric=False), *PROTOCOL],
        rows=[
            Row(
                {"name": text(config.title("dataset", name), raw=name)}
                | values_of(PROTOCOL, config.dataset(name), manifests.get(name))
            )
            for name in config.evaluation_sets()
        ],
        notes=_common(summary),
    )


def _gains(manifest: CollectionManifest | None) -> str:
    grades = (manifest and manifest.protocol.grades) or {}
    return ", ".join(f"{grade} counts {value}" for grade, value in grades.items())


def _remarks(manifest: CollectionManifest | None) -> list[str]:
    if manifest is None:
        return []
    made = manifest.protocol
    said = {"candidates": made.candidates, "judgements": made.judgements}
    counted = {
        "documents without text": manifest.empty_documents,
        "judged documents that the corpus lacks": manifest.judged_but_missing,
        f"judgements given twice, of which the {manifest.repeated} counts": manifest.repeated_judgements,
        "queries without a relevant document"
        + (", left out" if manifest.without_relevant_dropped else ", which score 0"): manifest.without_relevant,
    }
    return [
        *(f"{key}: {words}" for key, words in said.items() if words),
        *(f"{number} {words}" for words, number in counted.items() if number),
    ]


def _common(summary: Summary) -> list[str]:
    config, retrieval = summary.config, summary.config.model.retrieval
    trained = [config.train_settings(name) for name in config.backbones()]

    def each(values: list[str]) -> str:
        return listed(list(dict.fromkeys(values)))

    lengths = each(
        [
            f"{retrieval.query_length or train.query_length} tokens of a query and "
            f"{retrieval.document_length or train.document_length} of a document"
            for train in trained
        ]
    )
    pooled = each(["take part" if train.pool_special_tokens else "take no part" for train in trained])
    regularised = each(
        [f"{train.regulariser_query} of queries, {train.regulariser_document} of documents" for train in trained]
    )
    kept = "all" if retrieval.top_terms is None else f"the {retrieval.top_terms} heaviest"
    return [
        f"{lengths} are encoded, in {each([config.encoding_precision(train) for train in trained])}. Special tokens "
        f"{pooled} in the maximum over tokens. Of a document's terms {kept} are kept, weights stored as "
        f"{STORED.get(retrieval.weights, retrieval.weights)}.",
        "Retrieval is exact; equal scores are ordered by the place of the document in its corpus, and this order is "
        "scored. A query without a hit counts 0.",
        f"BM25 counts {each([BM25_WORDS[config.dataset(name).analyser] for name in config.evaluation_sets()])}.",
        f"Regularisers in training: {regularised}, over one micro-batch, on whatever number of devices.",
    ]


ENTRIES = (Entry(protocol_table, order=100, section="data"),)
