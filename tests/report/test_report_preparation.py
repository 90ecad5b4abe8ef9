"""Claims about adaptation, readings and offsets: worlds whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from rescalade.config import Run, build_config
from rescalade.paths import Paths
from rescalade.report.claims.claims import evaluate_claims
from rescalade.report.figures import preparation
from rescalade.report.figures.preparation import preparation_figures
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from rescalade.report.tables.effectiveness import main_table
from support.synthetic_fates import Fate, configuration, mini
from support.synthetic_results import change, write_tree

DEAD = Fate(0.001, 9.0, "dead", 2)
NAMES = (
    "unadapted-dies",
    "adaptation-prevents",
    "echo-beats-causal",
    "bi-beats-causal",
    "offset-prevents",
    "offset-replaces-adaptation",
)


def configured() -> dict[str, Any]:
    values = configuration()
    values["backbones"]["llama"] = {"source": "pretrain", "pretrain": {"family": "llama", "text": "pydoc-train"}}
    values["recipes"]["mini"]["adaptation"] = {}
    values["experiments"]["mini"] |= {
        "out_of_domain": [],
        "grid": [
            {"backbones": ["llama"], "scales": [1], "adapted": [False, True],
             "readings": ["causal", "echo", "bidirectional"]},
            {"backbones": ["llama"], "scales": [1], "offsets": [2]},
        ],
    }  # fmt: skip
    return values


def ask(root: Path, fate: Callable[[Run], Fate]) -> list[str]:
    paths = write_tree(root, config := build_config(configured()), fate, queries=200, steps=20)
    claims = {claim.id: claim.result for claim in evaluate_claims(config, paths)}
    return [claims[name] for name in NAMES]


def as_csplade_has_it(run: Run) -> Fate:
    """Without adaptation all dies; with it echo is better than causal, and both ways better still."""
    if run.variant.offset is not None:
        return Fate(0.40, 3.0)
    gain = {"causal": 0.0, "echo": 0.03, "bidirectional": 0.06}[run.variant.reading]
    return Fate(0.40 + gain, 9.0) if run.variant.adapted else DEAD


def test_the_story_of_csplade(tmp_path: Path) -> None:
    assert ask(tmp_path, as_csplade_has_it) == ["holds"] * 6


def test_a_world_in_which_nothing_is_needed(tmp_path: Path) -> None:
    """All train alike: nothing dies, there is nothing to prevent, readings differ by nothing that can be shown."""
    found = ask(tmp_path, lambda _: Fate(0.40, 9.0))
    assert found == ["does not hold", *["cannot be said"] * 4, "holds"]


def test_a_world_in_which_nothing_helps(tmp_path: Path) -> None:
    found = ask(tmp_path, lambda _: DEAD)
    assert found == ["holds", "does not hold", "cannot be said", "cannot be said", "does not hold", "cannot be said"]


def test_a_world_in_which_each_does_harm(tmp_path: Path) -> None:
    def fate(run: Run) -> Fate:
        if run.variant.adapted:
            return DEAD
        worse = {"causal": 0.0, "echo": 0.05, "bidirectional": 0.1}[run.variant.reading]
        return DEAD if run.variant.offset is not None else Fate(0.40 - worse, 9.0)

    found = ask(tmp_path, fate)
    assert found == ["does not hold"] * 5 + ["cannot be said"]


def test_an_offset_is_not_said_to_replace_a_phase_that_fails(tmp_path: Path) -> None:
    found = ask(tmp_path, lambda run: Fate(0.40, 3.0) if run.variant.offset is not None else DEAD)
    assert found == ["holds", "does not hold", "cannot be said", "cannot be said", "holds", "cannot be said"]


@pytest.mark.parametrize(("offset", "answer"), [(0.30, "does not hold"), (0.45, "holds")])
def test_an_offset_that_trains_is_held_against_adaptation(tmp_path: Path, offset: float, answer: str) -> None:
    def fate(run: Run) -> Fate:
        return as_csplade_has_it(run) if run.variant.offset is None else Fate(offset, 3.0)

    assert ask(tmp_path, fate)[5] == answer


def test_the_figure_has_a_line_per_variant_and_a_cross_per_dead_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(tmp_path, as_csplade_has_it)
    config = build_config(configured())
    summary = Summary(load_results(config, Paths(tmp_path / "results", tmp_path / "report")))
    (figure,) = preparation_figures(summary)
    (panel,) = figure.panels
    axes = Figure().add_subplot()
    panel.draw(axes)
    titles = [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()]
    assert titles == [
        "k = 1", "k = 1, offset 2", "k = 1, adapted", "k = 1, echo", "k = 1, adapted, echo", "k = 1, bidirectional",
        "k = 1, adapted, bidirectional",
    ]  # fmt: skip
    assert list(axes.get_yticks()) == [place + 0.5 for place in range(7)]  # no name needs three lines
    crossed = [line for line in axes.lines if line.get_marker() == "x" and len(line.get_xdata())]
    assert {int(float(line.get_ydata()[0])) for line in crossed} == {0, 3, 5}  # those without adaptation and offset
    monkeypatch.setattr(preparation, "LINES", 1)
    (higher,) = preparation_figures(summary)[0].panels
    assert higher.size[1] - panel.size[1] == pytest.approx(preparation.ROW)  # the last name alone takes two lines
    assert preparation_figures(Summary(load_results(mini(), Paths(tmp_path / "none", tmp_path / "none")))) == []


def test_an_adapted_backbone_has_a_row_of_its_own_before_training(tmp_path: Path) -> None:
    """By which its runs are judged: one that ends below it is lost, though the bare backbone reaches less."""
    paths = write_tree(tmp_path, config := build_config(configured()), as_csplade_has_it, queries=40, steps=20)
    starts = [run.folder for run in config.untrained()]
    assert starts == ["mini/llama/k1/untrained", "mini/llama/k1-adapted/untrained"]
    for folder, reached in zip(starts, (0.01, 0.45), strict=True):
        value: dict[str, float] = {"MRR@10": reached}
        change(paths.results / "runs" / folder / "scores" / "pydoc.json", lambda f, v=value: f["metrics"].update(v))  # type: ignore[misc]
    summary = Summary(load_results(config, paths))
    rows = [row for row in main_table(summary).rows if row.kind == "baseline"]
    assert [row.values["variant"].raw for row in rows][1:-1] == ["untrained", "untrained-adapted"]
    assert [row.values["pydoc_MRR@10"].raw for row in rows][1:-1] == [0.01, 0.45]
    verdicts = {cell.variant.name: set(cell.verdicts) for cell in summary.cells}
    assert verdicts["k1-adapted"] == verdicts["k1-adapted-echo"] == {"lost"}  # .40 and .43
    assert verdicts["k1-adapted-bi"] == verdicts["k1-offset2"] == {"trained"}  # .46; .40, and not adapted


def test_seeds_that_disagree_decide_nothing(tmp_path: Path) -> None:
    found = ask(tmp_path, lambda run: Fate(0.40, 9.0) if run.seed == 1 else DEAD)
    assert found == ["cannot be said"] * 6
