"""The stage `take_run`: a ranking that others have made becomes one of a data set."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path

from rescalade.errors import UserError
from rescalade.scoring.given_run import MOST_UNKNOWN, GivenRun, read_given_run, unknown_documents, unknown_queries
from rescalade.scoring.runfile import write_run
from rescalade.stage import Call, Files
from rescalade.stored import Stored
from rescalade.strict import Strict
from rescalade.texts.collection import read_judgements, read_table

log = logging.getLogger(__name__)


class TakeRunSettings(Strict):
    """The stage `take_run`. path: of the file. depth: hits kept of a query."""

    path: str
    depth: int


class TakenRun(Stored):
    """`retrieved/DATASET.json` of a given run: what was counted in it.

    queries: kept. missing: judged queries that it has no hit for, which count as 0. unknown_queries: of no query of the
    data set, left out. unknown_documents: of no document of it, kept as not relevant. ties: hits whose score is that of
    the hit before. cut: hits beyond the depth.
    """

    queries: int
    missing: int
    unknown_queries: int
    unknown_documents: int
    ties: int
    cut: int


def run_take_run(settings: TakeRunSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Order a run file by score and rank, and count in it what the data set does not have.

    Args:
        inputs: `corpus`, `queries`, `qrels` and `manifest` of the data set.
        outputs: `retrieved`, a run file as the stage `search` writes it; `facts`, see TakenRun.

    Raises:
        UserError: the file cannot be read, or is a run over other queries or another corpus.
    """
    data = inputs["manifest"].parent
    path = Path(settings.path).expanduser()
    found = read_given_run(path)
    queries = read_table(data, "queries.parquet").column("id").to_pylist()
    documents = frozenset(read_table(data, "corpus.parquet").column("id").to_pylist())
    judged = read_judgements(data)
    facts = _facts(found, queries, documents, judged.keys(), settings.depth)
    _check_belongs(path, data.name, found, facts, documents)
    kept = ((query, found.hits[query][: settings.depth]) for query in queries if query in found.hits)
    write_run(outputs["retrieved"], kept, call.names["given"])
    facts.write(outputs["facts"])
    call.record(outputs["record"])


def _facts(
    run: GivenRun, queries: list[str], documents: frozenset[str], judged: Collection[str], depth: int
) -> TakenRun:
    of_set = frozenset(queries)
    return TakenRun(
        queries=sum(query in of_set for query in run.hits),
        missing=sum(query not in run.hits for query in judged),
        unknown_queries=unknown_queries(run, of_set),
        unknown_documents=unknown_documents(run, documents),
        ties=run.ties,
        cut=sum(max(0, len(hits) - depth) for hits in run.hits.values()),
    )


def _check_belongs(path: Path, dataset: str, run: GivenRun, facts: TakenRun, documents: frozenset[str]) -> None:
    example = next(iter(run.hits))
    if not facts.queries:
        raise UserError(
            f"{path}: none of its {len(run.hits)} queries is one of data set {dataset} ({example!r} is not); name the "
            "run of this data set"
        )
    named = len({document for hits in run.hits.values() for document, _ in hits})
    if facts.unknown_documents > MOST_UNKNOWN * named:
        raise UserError(
            f"{path}: {facts.unknown_documents} of the {named} documents that it names are not in data set {dataset}, "
            f"such as {_unknown(run, documents)!r}; name the run over this corpus"
        )
    for count, what in (
        (facts.missing, "judged queries have no hit in it and count as 0"),
        (facts.unknown_queries, f"queries are not of data set {dataset} and are left out"),
        (facts.unknown_documents, "documents are not of its corpus and count as not relevant"),
        (facts.ties, "hits have the score of the hit before them; the rank column decides"),
    ):
        if count:
            log.warning("%s: %d %s", path, count, what)


def _unknown(run: GivenRun, documents: frozenset[str]) -> str:
    return next(document for hits in run.hits.values() for document, _ in hits if document not in documents)
