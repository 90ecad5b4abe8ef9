"""Measures against values worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rescalade.errors import UserError
from rescalade.scoring import score
from rescalade.scoring.flops import sparsity
from rescalade.scoring.measures import measure
from rescalade.scoring.score import score_queries, summarise
from rescalade.vectors.vectors import SparseVectors

USUAL = [measure(name) for name in ("MRR@10", "nDCG@10", "Recall@100", "Recall@1000")]


def test_measures_by_hand() -> None:
    qrels = {"q1": {"a": 1, "b": 2}, "q2": {"c": 1}, "q3": {"d": 1}}
    run = {"q1": [("x", 3.0), ("b", 2.0), ("a", 1.0)], "q2": [(f"n{i}", 50.0 - i) for i in range(10)] + [("c", 1.0)]}
    found = score_queries(qrels, run, USUAL)
    gain = 2 / math.log2(3) + 1 / math.log2(4)
    ideal = 2 / math.log2(2) + 1 / math.log2(3)
    assert found["q1"] == {
        "MRR@10": 0.5,
        "nDCG@10": pytest.approx(gain / ideal),
        "Recall@100": 1.0,
        "Recall@1000": 1.0,
    }
    assert found["q2"] == {"MRR@10": 0.0, "nDCG@10": 0.0, "Recall@100": 1.0, "Recall@1000": 1.0}  # rank 11
    assert found["q3"] == dict.fromkeys(found["q1"], 0.0)  # no hits: zero, not left out


def test_ties_follow_the_run_and_not_trec_evals_order_of_ids() -> None:
    # trec_eval would put document z before a; the run says a first
    found = score_queries({"q": {"a": 1}}, {"q": [("a", 1.0), ("z", 1.0)]}, USUAL)
    assert found["q"]["MRR@10"] == 1.0


def test_minimum_grade_counts_for_mrr_and_recall_but_not_for_ndcg() -> None:
    found = score_queries({"q": {"a": 1, "b": 2}}, {"q": [("a", 2.0), ("b", 1.0)]}, USUAL, minimum_grade=2)
    assert found["q"]["MRR@10"] == 0.5
    assert found["q"]["Recall@1000"] == 1.0
    assert found["q"]["nDCG@10"] == pytest.approx((1 + 2 / math.log2(3)) / (2 + 1 / math.log2(3)))


def test_a_long_run_is_scored_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score, "SLICE_QUERIES", 2)
    qrels = {f"q{n}": {f"d{n}": 1} for n in range(5)}
    run = [(f"q{n}", [(f"x{i}", 9.0 - i) for i in range(n)] + [(f"d{n}", 1.0)]) for n in (3, 0, 1, 4)]
    values = score_queries(qrels, iter([*run, ("unjudged", [("d1", 1.0)])]), USUAL)
    assert {query: found["MRR@10"] for query, found in values.items()} == {
        f"q{n}": 0.0 if n == 2 else 1 / (n + 1) for n in range(5)
    }


def test_summary_by_group() -> None:
    values = {
        name: {"MRR@10": value, "nDCG@10": value, "Recall@1000": 1.0}
        for name, value in (("a", 1.0), ("b", 0.0), ("c", 0.5))
    }
    means, groups = summarise(values, {"a": "numpy", "b": "numpy", "c": ""})
    assert means["MRR@10"] == 0.5
    assert groups == {"numpy": {"queries": 2, "MRR@10": 0.5, "nDCG@10": 0.5, "Recall@1000": 1.0}}


def test_sparsity_by_hand() -> None:
    queries = SparseVectors(["q"], np.array([0, 2]), np.array([0, 1], np.int32), np.array([1, 3], np.float32))
    documents = SparseVectors(
        ["a", "b"], np.array([0, 2, 3]), np.array([0, 2, 0], np.int32), np.array([1, 1, 2], np.float32)
    )
    found = sparsity(queries, [documents], 4)
    assert found.active_query == 2 and found.active_document == 1.5
    assert found.flops == 1.0  # term 0: in every query and every document; term 1 in no document
    assert found.flops_regulariser_query == 1 + 9
    assert found.flops_regulariser_document == 1.5**2 + 0.5**2


def test_recall_is_taken_where_it_is_asked_for() -> None:
    run = {"q": [(f"n{i}", 300.0 - i) for i in range(150)] + [("a", 1.0)]}
    assert score_queries({"q": {"a": 1}}, run, USUAL)["q"] == {
        "MRR@10": 0.0,
        "nDCG@10": 0.0,
        "Recall@100": 0.0,
        "Recall@1000": 1.0,
    }


@pytest.mark.parametrize("grade", [10_001, 2**31 - 1, 2**40, -(2**31)])
def test_grades_that_would_take_gigabytes_are_refused(grade: int) -> None:
    with pytest.raises(UserError, match=f"query 'q': grade {grade} found, grades from -10000 to 10000"):
        score_queries({"q": {"d": 1, "e": grade}}, {"q": [("d", 1.0)]}, [measure("nDCG@10")])


def test_the_largest_grade_is_scored() -> None:
    qrels = {"q": {"d": 10_000, "e": 5_000}}
    found = score_queries(qrels, {"q": [("e", 2.0), ("d", 1.0)]}, [measure("nDCG@10")])["q"]["nDCG@10"]
    discount = math.log2(3)
    assert found == pytest.approx((5_000 + 10_000 / discount) / (10_000 + 5_000 / discount))
