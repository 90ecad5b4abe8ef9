"""Effectiveness by pytrec_eval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rescalade.retrieval.runfile import Hit

PerQuery = dict[str, dict[str, float]]


def score_queries(
    qrels: Mapping[str, Mapping[str, int]],
    run: Mapping[str, Sequence[Hit]],
    recall: Sequence[int] = (100, 1000),
    minimum_grade: int = 1,
) -> PerQuery:
    """MRR@10, nDCG@10 and recall of every judged query; a query without hits scores 0.

    Args:
        qrels: grades by query and document. nDCG uses the grade as gain; MRR and recall count documents of
            at least `minimum_grade`.
        run: hits in ranked order.
        recall: ranks at which recall is taken.

    trec_eval orders by score and breaks ties by descending document id. Here the order of the run counts,
    whose ties are broken by the corpus order: the rank is handed over as the score.
    """
    import pytrec_eval

    judged = {query: dict(grades) for query, grades in qrels.items()}
    ranked = {
        query: {document: float(len(hits) - rank) for rank, (document, _) in enumerate(hits)}
        for query, hits in run.items()
        if query in judged and hits
    }
    first = {query: dict(list(scores.items())[:10]) for query, scores in ranked.items()}
    deep_names = {"nDCG@10": "ndcg_cut_10", **{f"Recall@{cut}": f"recall_{cut}" for cut in recall}}
    deep = pytrec_eval.RelevanceEvaluator(judged, set(deep_names.values()), relevance_level=minimum_grade)
    short = pytrec_eval.RelevanceEvaluator(judged, {"recip_rank"}, relevance_level=minimum_grade)
    deep_values, short_values = deep.evaluate(ranked), short.evaluate(first)
    return {
        query: {
            "MRR@10": short_values.get(query, {}).get("recip_rank", 0.0),
            **{name: deep_values.get(query, {}).get(theirs, 0.0) for name, theirs in deep_names.items()},
        }
        for query in judged
    }


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
