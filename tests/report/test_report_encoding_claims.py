"""Claims on the index's size and on quantised encoding: made-up outcomes whose answer is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from rescalade.config import Run, build_config
from rescalade.paths import Paths
from rescalade.report.claims.claim import Claim
from rescalade.report.claims.claims import evaluate_claims
from support.synthetic_audits import invented_audit
from support.synthetic_fates import Fate, configuration
from support.synthetic_results import change, write_tree

DOCUMENTS = 2000
"""Of every data set of the invented tree."""
WIDTH = 128
TENTH = DOCUMENTS * WIDTH * 4 // 10
WAYS = ("int8-weight", "int8-dynamic", "int4-weight")


def asked(
    root: Path,
    fate: Callable[[Run], Fate] = lambda _: Fate(0.4, 9.0),
    index: Callable[[str], int] = lambda dataset: TENTH,
    loss: Callable[[str, int], float] = lambda how, query: 0.0,
    **experiment: Any,
) -> dict[str, Claim]:
    """The claims of one Llama's two cells, whose indexes and losses by quantising are given.

    Args:
        index: bytes, by data set. loss: of a query's value, by how it is quantised and the query's number.
    """
    values = configuration()
    values["backbones"]["llama"] = {"source": "pretrain", "pretrain": {"family": "llama", "text": "pydoc-train"}}
    values["experiments"]["mini"] |= {
        "grid": [{"backbones": ["llama"], "scales": [1], "readings": ["causal", "bidirectional"]}],
        "quantised": list(WAYS),
        **experiment,
    }
    config = build_config(values)
    paths = write_tree(root, config, fate, queries=80, steps=20)
    assert invented_audit("llama", "llama", 1.1).width == WIDTH
    for run in config.runs():
        folder = paths.results / "runs" / run.folder
        for dataset in config.test_sets():
            file = folder / "scores" / f"{dataset}.json"
            if not file.is_file():
                continue
            size = index(dataset)
            change(file, lambda found, size=size: found["timings"].update(index_bytes=size))  # type: ignore[misc]
            for how in experiment.get("quantised", WAYS):
                _encode_again(paths, run, dataset, how, loss)
    return {claim.id: claim for claim in evaluate_claims(config, paths)}


def _encode_again(paths: Paths, run: Run, dataset: str, how: Any, loss: Callable[[str, int], float]) -> None:
    before, after = (paths.results / "runs" / each.folder / "scores" for each in (run, run.quantised(how)))
    after.mkdir(parents=True, exist_ok=True)
    table = pq.read_table(before / f"{dataset}.per-query.parquet").to_pandas()
    table["MRR@10"] -= [loss(how, number) for number in range(len(table))]
    table.to_parquet(after / f"{dataset}.per-query.parquet")
    scores = json.loads((before / f"{dataset}.json").read_text())
    scores["metrics"]["MRR@10"] = float(table["MRR@10"].mean())
    (after / f"{dataset}.json").write_text(json.dumps(scores))


@pytest.mark.parametrize(
    ("sizes", "answer", "words"),
    [
        ({"pydoc": TENTH, "pydoc-ood": TENTH - 1}, "holds", {"0.100"}),
        ({"pydoc": TENTH, "pydoc-ood": TENTH + 1}, "mixed", {"0.100"}),
        ({"pydoc": 5 * TENTH, "pydoc-ood": 3 * TENTH}, "does not hold", {"0.500", "0.300"}),
    ],
)
def test_an_index_is_held_against_a_tenth_of_float32_vectors(
    sizes: dict[str, int], answer: str, words: set[str], tmp_path: Path
) -> None:
    claim = asked(tmp_path, index=sizes.__getitem__)["index-a-tenth"]
    assert claim.result == answer
    assert len(claim.details) == 2 * len(sizes)  # cells and data sets
    assert {row["Share of it"] for row in claim.details} == words
    assert [row["Documents"] for row in claim.details] == ["2,000"] * 4
    assert "of 1.02 MB for 2,000 documents × 128 × 4 bytes" in claim.evidence
    row = claim.details[0]
    assert float(row["Share, 2 bytes"]) == pytest.approx(2 * float(row["Share of it"]))


def test_a_collapsed_model_has_no_index_to_speak_of(tmp_path: Path) -> None:
    def half_dead(run: Run) -> Fate:
        return Fate(0.4, 9.0) if run.variant.reading == "causal" else Fate(0.001, 9.0, "dead", 2)

    claim = asked(tmp_path / "one", half_dead)["index-a-tenth"]
    assert claim.result == "holds" and len(claim.details) == 2
    claim = asked(tmp_path / "both", lambda _: Fate(0.001, 9.0, "dead", 2))["index-a-tenth"]
    assert claim.result == "cannot be said" and "collapsed" in claim.evidence
    claim = asked(tmp_path / "seeds", lambda run: Fate(0.001, 9.0, "dead", 2) if run.seed == 1 else Fate(0.4, 9.0))[
        "index-a-tenth"
    ]
    assert claim.result == "cannot be said" and "some seeds" in claim.evidence


@pytest.mark.parametrize(
    ("eight", "four", "answers"),
    [
        (0.002, 0.2, ("holds", "holds")),
        (0.0, 0.0, ("holds", "does not hold")),
        (-0.02, 0.01, ("holds", "does not hold")),  # better than before is no loss
        (0.2, 0.2, ("does not hold", "holds")),
    ],
)
def test_a_loss_is_little_or_much(eight: float, four: float, answers: tuple[str, str], tmp_path: Path) -> None:
    """Of .4: 5 % are .02."""
    claims = asked(tmp_path, loss=lambda how, query: four if how == "int4-weight" else eight)
    assert (claims["8-bit-loses-little"].result, claims["4-bit-loses-much"].result) == answers
    assert len(claims["8-bit-loses-little"].details) == 2 * 2
    assert len(claims["4-bit-loses-much"].details) == 2


def test_one_way_of_eight_bits_that_loses_much_makes_it_mixed(tmp_path: Path) -> None:
    claims = asked(tmp_path, loss=lambda how, query: 0.2 if how == "int8-dynamic" else 0.0)
    assert claims["8-bit-loses-little"].result == "mixed"


def test_a_loss_around_the_bar_decides_nothing(tmp_path: Path) -> None:
    """.02 on the mean, and from query to query between -.38 and +.42."""
    claims = asked(tmp_path, loss=lambda how, query: 0.02 + 0.4 * (-1) ** query)
    assert claims["8-bit-loses-little"].result == claims["4-bit-loses-much"].result == "cannot be said"


def test_without_the_ways_nothing_is_asked_or_not_run(tmp_path: Path) -> None:
    claims = asked(tmp_path / "four", quantised=["int4-weight"])
    assert claims["8-bit-loses-little"].result == "not run"
    claims = asked(tmp_path / "none", quantised=[])
    assert not {"8-bit-loses-little", "4-bit-loses-much"} & claims.keys()
    claims = asked(tmp_path / "dead", lambda _: Fate(0.001, 9.0, "dead", 2))
    assert claims["8-bit-loses-little"].result == "cannot be said"
