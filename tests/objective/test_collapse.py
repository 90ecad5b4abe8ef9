"""The declared definitions of collapse, on histories written by hand."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from rescalade.objective import collapse
from rescalade.objective.collapse import Course, definitions, judge

VOCABULARY = 100
CANDIDATES = 64
HEALTHY = {
    "loss": 1.0, "ranking_loss": 0.9, "gradient_norm": 1.0,
    "active_query": 12.0, "empty_query": 0.0, "cosine_query": 0.1, "tokens_query": 6.0,
    "active_document": 20.0, "empty_document": 0.0, "cosine_document": 0.2, "tokens_document": 40.0,
}  # fmt: skip


def history(**columns: list[float]) -> list[dict[str, float]]:
    steps = len(next(iter(columns.values())))
    return [
        {"step": step, **HEALTHY, **{name: values[step] for name, values in columns.items()}} for step in range(steps)
    ]


def name_of(vocabulary: int = VOCABULARY, candidates: int | None = CANDIDATES, **columns: list[float]) -> str:
    return judge(history(**columns), vocabulary, candidates).name


def test_a_healthy_run_is_trained() -> None:
    verdict = judge(history(loss=[9.0, 3.0, 1.0]), VOCABULARY, CANDIDATES)
    assert (verdict.name, verdict.since_step, verdict.causes) == ("trained", None, ())


@pytest.mark.parametrize("side", ["query", "document"])
def test_each_definition_and_its_edge(side: str) -> None:
    active, empty, cosine, tokens = (f"{name}_{side}" for name in ("active", "empty", "cosine", "tokens"))
    assert name_of(**{active: [5.0, 0.99]}) == "dead"
    assert name_of(**{active: [5.0, 1.0]}) == "trained"
    assert name_of(**{empty: [0.0, 0.51]}) == "dead"
    assert name_of(**{empty: [0.0, 0.5]}) == "trained"
    assert name_of(**{active: [5.0, 51.0]}) == "saturated"
    assert name_of(**{active: [5.0, 50.0]}) == "trained"
    assert name_of(30_522, **{active: [9.0, 3_200.0], tokens: [150.0, 150.0]}) == "saturated"  # above 20 per token
    assert name_of(30_522, **{active: [9.0, 3_200.0], tokens: [170.0, 170.0]}) == "trained"
    assert name_of(30_522, **{active: [9.0, 3_000.0], tokens: [10.0, 10.0]}) == "trained"  # under a tenth of all terms
    assert name_of(**{cosine: [0.1, 0.951]}) == "degenerate"
    assert name_of(**{cosine: [0.1, 0.95]}) == "trained"


def test_a_loss_or_a_gradient_that_is_no_number() -> None:
    assert name_of(loss=[1.0, float("nan")]) == "non-finite"
    assert name_of(gradient_norm=[1.0, float("inf")]) == "non-finite"


def test_flat_is_the_mean_of_the_last_twentieth_of_the_steps() -> None:
    """Of 40 steps the last 2: .9 ln 64 = 3.743."""
    assert name_of(ranking_loss=[0.1] * 38 + [3.7, 3.8]) == "flat"
    assert name_of(ranking_loss=[9.0] * 38 + [3.7, 3.7]) == "trained"
    assert name_of(ranking_loss=[9.0] * 38 + [1.0, 4.1]) == "trained"  # one bad step
    assert name_of(ranking_loss=[9.0] * 38 + [math.nan, 4.1]) == "flat"  # a step that was no number says nothing
    assert name_of(candidates=None, ranking_loss=[9.0] * 40) == "trained"  # a loss that is no InfoNCE
    assert name_of(candidates=128, ranking_loss=[4.1] * 40) == "trained"  # .9 ln 128 = 4.37
    found = judge(history(ranking_loss=[9.0] * 10 + [1.0] * 10 + [4.2] * 20), VOCABULARY, CANDIDATES)
    assert (found.name, found.since_step) == ("flat", 21)  # of 1.0 and 4.2 the mean is low
    assert found.causes == ("mean ranking loss 4.2 over 2 steps, ln(64) is 4.159",)


SPOILT = [
    # what a careful reader sees, the verdict, the columns of every step; a vocabulary of 30,522 and 128 candidates
    ("all queries empty", "dead", {"active_query": 0.0, "empty_query": 1.0, "cosine_query": 0.0}),
    ("all queries the same vector", "degenerate", {"cosine_query": 1.0}),
    ("queries saturated", "saturated", {"active_query": 20_000.0}),
    ("99 % of the documents empty, the rest with 200 terms", "dead", {"active_document": 2.0, "empty_document": 0.99}),
    ("half of the documents empty, the others identical", "degenerate",
     {"active_document": 10.0, "empty_document": 0.5, "cosine_document": 1.0}),
    ("nothing told apart", "flat", {"ranking_loss": math.log(128), "loss": math.log(128)}),
    ("15,000 of 30,522 terms active", "saturated", {"active_document": 15_000.0}),
    # nothing in training sets this one apart: loss 1.25, a thirtieth of the terms; its MRR of .045 makes it lost
    ("the paper's own collapse", "trained", {"active_document": 1_000.0, "ranking_loss": 1.25, "loss": 1.25}),
]  # fmt: skip


@pytest.mark.parametrize(("verdict", "columns"), [row[1:] for row in SPOILT], ids=[row[0] for row in SPOILT])
def test_what_a_careful_reader_would_say(verdict: str, columns: dict[str, float]) -> None:
    found = judge(history(**{name: [value] * 30 for name, value in columns.items()}), 30_522, 128)
    assert found.name == verdict
    assert (found.since_step == 0 or verdict == "flat") if verdict != "trained" else found.since_step is None


def test_the_last_step_decides_and_the_beginning_is_where_it_held_without_a_break() -> None:
    assert name_of(active_document=[0.0, 0.0, 9.0]) == "trained"
    verdict = judge(history(active_document=[0.0, 9.0, 0.5, 0.2, 0.0]), VOCABULARY, CANDIDATES)
    assert (verdict.name, verdict.since_step) == ("dead", 2)
    assert judge(history(active_document=[0.0, 0.0]), VOCABULARY, CANDIDATES).since_step == 0


def test_further_causes_are_listed_and_name_the_side() -> None:
    spoilt = history(active_document=[60.0], cosine_document=[0.99], active_query=[70.0], empty_query=[0.75])
    verdict = judge(spoilt, VOCABULARY, CANDIDATES)
    assert verdict.name == "dead"
    assert verdict.causes == (
        "70.00 active terms per query, 75 % of the queries empty",
        "70 of 100 terms active per query of 6 tokens, 60 of 100 terms active per document of 40 tokens",
        "mean cosine between documents 0.9900",
    )


def test_weights_that_are_not_finite_are_noted_beside_whatever_else_was_seen() -> None:
    """A loss of NaN and weights of NaN are two facts; a run whose losses were finite is non-finite by its weights."""
    both = judge(history(loss=[1.0, float("nan")]), VOCABULARY, CANDIDATES, broken_weights=3)
    assert (both.name, both.since_step) == ("non-finite", 1)
    assert both.causes == ("loss nan, gradient norm 1", "3 weights are not finite")
    weights_alone = judge(history(active_document=[9.0, 0.5]), VOCABULARY, CANDIDATES, broken_weights=3)
    assert (weights_alone.name, weights_alone.since_step) == ("non-finite", 1)
    assert weights_alone.causes == ("3 weights are not finite", "0.50 active terms per document")


def test_a_step_without_counts_ends_nothing_but_a_loss_that_is_no_number() -> None:
    bare = {"loss": 1.0, "ranking_loss": 0.9, "gradient_norm": 1.0}
    course = Course(VOCABULARY, CANDIDATES, 4)
    for step, row in enumerate([{**HEALTHY, "active_query": 0.0}, {**bare, "loss": math.inf}, bare]):
        course.add({"step": step, **row})
        assert list(course.held) == [["dead"], ["non-finite", "dead"], ["dead"]][step]
    assert course.held["dead"].since == 0


def test_the_page_gives_the_definitions_that_are_used() -> None:
    page = " ".join((Path(collapse.__file__).parents[3] / "docs/collapse.md").read_text().split())
    assert f"Version {collapse.VERSION}" in page
    for definition in definitions():
        name, words = definition.split(": ", 1)
        assert f"| {name} | {words} |" in page
