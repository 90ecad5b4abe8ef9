"""Effectiveness by pytrec_eval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from rescalade.scoring.runfile import Hit

SLICE_QUERIES = 256
"""Queries whose hits are in memory together."""

PerQuery = dict[str, dict[str, float]]


def score_queries(
    qrels: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Sequence[Hit]] | Iterable[tuple[str, Sequence[Hit]]],
    recall: Sequence[int] = (100, 1000),
    minimum_grade: int = 1,
) -> PerQuery:
    """MRR@10, nDCG@10 and recall of every judged query; a query without hits scores 0.

    Args:
        qrels: grades by query and document. nDCG uses the grade as gain; MRR and recall count documents of
            at least `minimum_grade`.
        run: hits in ranked order by query; an iterable of pairs is gone through in slices, so it may be long.
        recall: ranks at which recall is taken.

    trec_eval orders by score and breaks ties by descending document id. Here the order of the run counts,
    whose ties are broken by the corpus order: the rank is handed over as the score.
    """
    import pytrec_eval

    judged = {query: dict(grades) for query, grades in qrels.items()}
    deep_names = {"nDCG@10": "ndcg_cut_10", **{f"Recall@{cut}": f"recall_{cut}" for cut in recall}}
    deep = pytrec_eval.RelevanceEvaluator(judged, set(deep_names.values()), relevance_level=minimum_grade)
    short = pytrec_eval.RelevanceEvaluator(judged, {"recip_rank"}, relevance_level=minimum_grade)
    values: PerQuery = {query: dict.fromkeys(("MRR@10", *deep_names), 0.0) for query in judged}
    entries = iter(run.items() if isinstance(run, Mapping) else run)
    while part := list(islice(entries, SLICE_QUERIES)):
        ranked = {
            query: {document: float(len(hits) - rank) for rank, (document, _) in enumerate(hits)}
            for query, hits in part
            if query in judged and hits
        }
        first = {query: dict(islice(scores.items(), 10)) for query, scores in ranked.items()}
        deep_values, short_values = deep.evaluate(ranked), short.evaluate(first)
        for query in ranked:
            values[query]["MRR@10"] = short_values[query]["recip_rank"]
            values[query] |= {name: deep_values[query][theirs] for name, theirs in deep_names.items()}
    return values


def summarise(values: PerQuery, groups: Mapping[str, str]) -> dict[str, Any]:
    """Means over all queries, and over the queries of each group.

    Args:
        groups: group by query id; an empty group is none.
    """
    members: dict[str, list[str]] = {}
    for query in values:
        if groups.get(query):
            members.setdefault(groups[query], []).append(query)
    return {
        "metrics": _means(values, list(values)),
        "groups": {
            name: {"queries": len(queries), **_means(values, queries)} for name, queries in sorted(members.items())
        },
    }


def _means(values: PerQuery, queries: Sequence[str]) -> dict[str, float]:
    metrics = list(next(iter(values.values()), {}))
    return {metric: sum(values[query][metric] for query in queries) / max(1, len(queries)) for metric in metrics}
