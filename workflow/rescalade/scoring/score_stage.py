"""The stage `score`."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rescalade.atomic import atomic_file
from rescalade.collection_manifest import CollectionManifest
from rescalade.scoring.flops import sparsity
from rescalade.scoring.measures import measure
from rescalade.scoring.runfile import iterate_run
from rescalade.scoring.score import PerQuery, score_queries, summarise
from rescalade.scoring.scores import Scores, Searched, SearchedVectors, Sparsity, Timings
from rescalade.scoring.settings import ScoreSettings
from rescalade.stage import Call, Files
from rescalade.texts.collection import read_judgements, read_table
from rescalade.vectors.file_names import QUERIES
from rescalade.vectors.files import read_vectors
from rescalade.vectors.manifest import CorpusShards
from rescalade.vectors.shared_corpus import encoding_facts


def run_score(settings: ScoreSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Score a ranking by the measures of its data set, and the vectors that it was made with.

    Args:
        inputs: `retrieved`, a run file; `queries`, `qrels` and `manifest` of the data set. Of a run, not of BM25 and of
            random vectors, also `vectors`, `documents` and `timings`, as of `run_search`; of vectors that others have
            written `searched`.
        outputs: `scores`: means, sparsity, and what became of the encoded texts; `per_query`.
        call: names["run"], of a run alone, and names["dataset"] go into the scores.

    Raises:
        UserError: the data set has no judgements, or a file is damaged.
    """
    data = inputs["queries"].parent
    table = read_table(data, "queries.parquet")
    groups = dict(zip(table["id"].to_pylist(), table["group"].to_pylist(), strict=True))
    measures = [measure(name) for name in settings.measures]
    values = score_queries(read_judgements(data), iterate_run(inputs["retrieved"]), measures, settings.minimum_grade)
    _write_values(outputs["per_query"], values, groups)
    encoded = "vectors" in inputs
    given = SearchedVectors.read(inputs["searched"]) if "searched" in inputs else None
    means, groups_too = summarise(values, groups)
    Scores(
        run=settings.ranking or call.names["run"],
        dataset=call.names["dataset"],
        queries=len(values),
        documents=CollectionManifest.read(inputs["manifest"]).counts.documents,
        metrics=means,
        groups=groups_too,
        sparsity=given.sparsity if given else _sparsity(inputs["vectors"]) if encoded else None,
        timings=given.timings if given else _timings(inputs["timings"]) if encoded else None,
        encoding=encoding_facts(inputs["vectors"]) if encoded else None,
    ).write(outputs["scores"])
    call.record(outputs["record"])


def _timings(path: Path) -> Searched:
    """What stands beside the ranking of a run."""
    return Searched(**Timings.read(path).model_dump(exclude={"schema_version"}))


def _write_values(path: Path, values: PerQuery, groups: dict[str, str]) -> None:
    """One row per judged query: query_id, group and its measures."""
    rows = [{"query_id": query, "group": groups[query] or "", **row} for query, row in values.items()]
    with atomic_file(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows), temporary, compression="zstd")


def _sparsity(vectors: Path) -> Sparsity:
    """Active terms and FLOPS of the vectors in a folder."""
    shards = CorpusShards(vectors)
    return sparsity(read_vectors(vectors / QUERIES), shards, shards.manifest.vocabulary)
