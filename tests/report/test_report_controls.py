"""Claims about controls: the norm by itself, and the offset at one norm."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from rescalade.config import Config, Run, build_config
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.report.claims.claims import claims_of, evaluate_claims
from rescalade.report.pages.lead import lead_sentence
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from support.synthetic_fates import Fate, configuration, papers_way
from support.synthetic_results import write_tree

SCALED = {"source": "inflate", "of": "bert-small", "factor": 2.2, "bias": True, "control": "norm", "head": "large"}
SHIFTED = {"source": "inflate", "of": "bert-small", "shift": 1.5, "control": "offset", "head": "small"}


def controlled(**entries: object) -> Config:
    values = configuration()
    values["backbones"] |= entries
    values["experiments"]["mini"]["grid"].append({"backbones": list(entries), "scales": [1]})
    return build_config(values)


def ask(root: Path, fates: Callable[[Run], Fate]) -> dict[str, tuple[str, list[str]]]:
    config = controlled(scaled=SCALED, shifted=SHIFTED)

    def fate(run: Run) -> Fate:
        if run.backbone in ("scaled", "shifted"):
            return fates(run)
        return papers_way(run)

    paths = write_tree(root, config, fate, queries=24, steps=20)
    claims = evaluate_claims(config, paths)
    return {claim.id: (claim.result, [row["Outcome"] for row in claim.details]) for claim in claims}


def test_a_shift_that_kills_and_a_norm_that_does_not(tmp_path: Path) -> None:
    def fate(run: Run) -> Fate:
        return Fate(0.46, 9.0) if run.backbone == "scaled" else Fate(0.003, 150.0, "degenerate", 3)

    found = ask(tmp_path, fate)
    assert found["offset-alone"] == ("holds", ["the shifted one collapses, the other trains"])
    assert found["norm-alone"] == ("does not hold", ["trains, and ends above"])
    config = controlled(scaled=SCALED, shifted=SHIFTED)
    summary = Summary(load_results(config, Paths(tmp_path / "results", tmp_path / "report")))
    told = lead_sentence(summary, claims_of(summary))
    assert "the offset b alone makes a head of one row norm fail or train" in told
    assert "does no harm at k = 1" in told
    # controls enter no claim of the paper: a large head that trains at k = 1 changes no answer
    assert found["large-norm-collapses"][0] == "holds"
    assert len(found["large-norm-collapses"][1]) == 2


@pytest.mark.parametrize(("quality", "verdict", "outcome"), [
    (0.3, "trained", "trains, and ends below"), (0.003, "degenerate", "collapses"),
])  # fmt: skip
def test_the_norm_by_itself(tmp_path: Path, quality: float, verdict: str, outcome: str) -> None:
    def fate(run: Run) -> Fate:
        return replace(Fate(quality, 9.0), verdict=verdict if run.backbone == "scaled" else "trained")  # type: ignore[arg-type]

    found = ask(tmp_path, fate)
    assert found["norm-alone"] == ("holds", [outcome])
    if verdict == "trained":
        assert found["offset-alone"] == ("does not hold", ["both train"])


def test_seeds_that_disagree_decide_nothing(tmp_path: Path) -> None:
    found = ask(tmp_path, lambda run: Fate(0.4, 9.0, "trained" if run.seed == 1 else "dead"))
    assert {found[name][0] for name in ("offset-alone", "norm-alone")} == {"cannot be said"}


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({**SHIFTED, "shift": 0.0}, "needs a factor other than 1, or a shift"),
        ({**SHIFTED, "factor": 2.0}, "'offset' changes that alone"),
        ({**SCALED, "bias": False}, "'norm' changes that alone"),
        ({**SCALED, "shift": 1.0}, "'norm' changes that alone"),
        ({"source": "hub", "id": "a/b", "revision": "c", "shift": 1.0}, "go with source: inflate"),
    ],
)
def test_settings_that_do_not_fit_are_refused(entry: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        controlled(other=entry)
    assert "backbones.other" in str(caught.value) and "\n" not in str(caught.value)


def test_a_collapsed_or_only_cell_is_no_best_one(tmp_path: Path) -> None:
    config = controlled(shifted=SHIFTED)

    def fate(run: Run) -> Fate:
        if run.backbone == "modernbert-large":
            return Fate(0.001 * run.variant.scale, 150.0, "degenerate", 3)
        return papers_way(run)

    summary = Summary(load_results(config, write_tree(tmp_path, config, fate, queries=24, steps=20)))
    marked = {(cell.backbone, cell.variant.name) for cell in summary.cells if summary.is_best(cell)}
    assert {backbone for backbone, _ in marked} == {"bert-small", "bert-large", "modernbert-small"}
    assert ("bert-large", "k16") in marked
    best = summary.best("modernbert-large")
    assert best is not None and best.variant.scale == 16  # of those that failed, for the sentence about it
