"""The declared definitions of collapse, on histories written by hand."""

from __future__ import annotations

from rescalade.objective.collapse import judge

VOCABULARY = 100


def history(**columns: list[float]) -> list[dict[str, float]]:
    healthy = {"loss": 1.0, "gradient_norm": 1.0, "active_document": 20.0, "cosine_document": 0.2}
    steps = len(next(iter(columns.values())))
    return [
        {"step": step, **healthy, **{name: values[step] for name, values in columns.items()}} for step in range(steps)
    ]


def test_a_healthy_run_is_trained() -> None:
    verdict = judge(history(loss=[9.0, 3.0, 1.0]), VOCABULARY)
    assert (verdict.name, verdict.since_step, verdict.causes) == ("trained", None, ())


def test_each_definition_and_its_edge() -> None:
    assert judge(history(active_document=[5.0, 0.99]), VOCABULARY).name == "dead"
    assert judge(history(active_document=[5.0, 1.0]), VOCABULARY).name == "trained"
    assert judge(history(active_document=[5.0, 51.0]), VOCABULARY).name == "saturated"
    assert judge(history(active_document=[5.0, 50.0]), VOCABULARY).name == "trained"
    assert judge(history(cosine_document=[0.1, 0.951]), VOCABULARY).name == "degenerate"
    assert judge(history(cosine_document=[0.1, 0.95]), VOCABULARY).name == "trained"
    assert judge(history(loss=[1.0, float("nan")]), VOCABULARY).name == "non-finite"
    assert judge(history(gradient_norm=[1.0, float("inf")]), VOCABULARY).name == "non-finite"


def test_the_last_step_decides_and_the_beginning_is_where_it_held_without_a_break() -> None:
    assert judge(history(active_document=[0.0, 0.0, 9.0]), VOCABULARY).name == "trained"
    verdict = judge(history(active_document=[0.0, 9.0, 0.5, 0.2, 0.0]), VOCABULARY)
    assert (verdict.name, verdict.since_step) == ("dead", 2)
    assert judge(history(active_document=[0.0, 0.0]), VOCABULARY).since_step == 0


def test_further_causes_are_listed() -> None:
    verdict = judge(history(active_document=[60.0], cosine_document=[0.99]), VOCABULARY)
    assert verdict.name == "saturated"
    assert verdict.causes == ("60 of 100 terms active per document", "mean cosine between documents 0.9900")


def test_weights_that_are_not_finite_are_noted_beside_whatever_else_was_seen() -> None:
    """A loss of NaN and weights of NaN are two facts; a run whose losses were finite is non-finite by its weights."""
    both = judge(history(loss=[1.0, float("nan")]), VOCABULARY, broken_weights=3)
    assert (both.name, both.since_step) == ("non-finite", 1)
    assert both.causes == ("loss nan, gradient norm 1", "3 weights are not finite")
    weights_alone = judge(history(active_document=[9.0, 0.5]), VOCABULARY, broken_weights=3)
    assert (weights_alone.name, weights_alone.since_step) == ("non-finite", 1)
    assert weights_alone.causes == ("3 weights are not finite", "0.50 active terms per document")
