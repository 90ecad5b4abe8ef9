"""Effectiveness of a ranking, by ir_measures and what it computes with (trec_eval, mostly)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from subprocess import CalledProcessError

from rescalade.errors import UserError
from rescalade.scoring.measures import Measure
from rescalade.scoring.runfile import Hit
from rescalade.texts.grades import out_of_bounds

SLICE_QUERIES = 256
"""Queries whose hits are in memory together."""

PerQuery = dict[str, dict[str, float]]


def score_queries(
    qrels: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Sequence[Hit]] | Iterable[tuple[str, Sequence[Hit]]],
    measures: Sequence[Measure],
    minimum_grade: int = 1,
) -> PerQuery:
    """Every measure of every judged query; a query without hits has the measure's default, 0.

    Args:
        qrels: grades by query and document. A measure takes the grade as gain, or counts documents of at least
            `minimum_grade`. Grades below 0 count as 0: trec_eval writes out of bounds where all of a query are
            below -1. A query without judgements is left out.
        run: hits in ranked order by query; an iterable of pairs is gone through in slices, so it may be long.

    trec_eval orders by score and breaks ties by descending document id. Here the order of the run counts,
    whose ties are broken by the corpus order: the rank is handed over as the score.

    Raises:
        UserError: a grade is out of bounds, or what computes a measure refuses the judgements.
    """
    import ir_measures

    for query, found_grades in qrels.items():
        worst = max(found_grades.values(), key=abs, default=0)
        if (mistake := out_of_bounds(worst)) is not None:
            raise UserError(f"judgements of query {query!r}: {mistake}; see `gains` of the data set")

    judged = {
        query: {document: max(grade, 0) for document, grade in grades.items()}
        for query, grades in qrels.items()
        if grades
    }
    names: dict[ir_measures.Measure, list[str]] = {}
    for measure in measures:
        names.setdefault(measure.counted_from(minimum_grade), []).append(measure.name)
    values: PerQuery = {query: {measure.name: measure.default for measure in measures} for query in judged}
    entries = iter(run.items() if isinstance(run, Mapping) else run)
    while part := list(islice(entries, SLICE_QUERIES)):
        part = [(query, hits) for query, hits in part if query in judged and hits]
        # numbered: gdeval takes no other ids of queries
        grades = {str(number): judged[query] for number, (query, _) in enumerate(part)}
        ranked = {
            str(number): {document: float(len(hits) - rank) for rank, (document, _) in enumerate(hits)}
            for number, (_, hits) in enumerate(part)
        }
        try:
            for found in ir_measures.iter_calc(list(names), grades, ranked):
                query = part[int(found.query_id)][0]
                values[query] |= dict.fromkeys(names[found.measure], float(found.value))
        except CalledProcessError as error:
            asked = ", ".join(measure.name for measure in measures)
            raise UserError(
                f"one of {asked} cannot be computed ({error.cmd[0]} ended with {error.returncode}): "
                f"ERR and nDCG(dcg='exp-log2') take grades up to 4, see `gains` of the data set"
            ) from None
    return values


def summarise(values: PerQuery, groups: Mapping[str, str]) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Means over all queries, and over the queries of each group, with their number.

    Args:
        groups: group by query id; an empty group is none.
    """
    members: dict[str, list[str]] = {}
    for query in values:
        if groups.get(query):
            members.setdefault(groups[query], []).append(query)
    by_group = {name: {"queries": len(queries), **_means(values, queries)} for name, queries in sorted(members.items())}
    return _means(values, list(values)), by_group


def _means(values: PerQuery, queries: Sequence[str]) -> dict[str, float]:
    metrics = list(next(iter(values.values()), {}))
    return {metric: sum(values[query][metric] for query in queries) / max(1, len(queries)) for metric in metrics}
