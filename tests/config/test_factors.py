"""Factors: the axes of an experiment by hand, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rescalade.config import Config, build_config, load_config
from rescalade.config.axes import Axis, axes_of, interactions_of
from rescalade.config.factors import Factors
from rescalade.errors import UserError
from rescalade.variants import Variant
from support.synthetic_fates import AXES, configuration


def configured(axes: Any = AXES, interactions: Any = (), **changes: Any) -> Config:
    values = configuration()
    values["experiments"]["mini"] |= {"factors": {"axes": axes, "interactions": list(interactions)}, **changes}
    return build_config(values)


def found(config: Config) -> dict[str, Axis]:
    factors = config.experiment.factors
    assert factors is not None
    cells = list(dict.fromkeys((run.backbone, run.variant) for run in config.runs()))
    recipe = config.recipe.train.model_dump()
    trained = axes_of(factors, cells, lambda name, v: config.train_settings(name, None, v.over).model_dump(), recipe)
    return {axis.name: axis for axis in trained}


def test_axes_of_variants_come_by_themselves() -> None:
    grid = [
        {"backbones": ["bert-large"], "scales": [4, 1], "modes": ["tied"]},
        {"backbones": ["bert-small"], "scales": [4], "modes": ["folded"], "bias": True},
        {"backbones": ["bert-small"], "scales": [1], "over": {"lambda_query": [0.0], "learning_rate": [1.0e-3, 0.5]}},
    ]
    axes = found(configured(grid=grid))
    # one family alone is run; folded and the bias are moved together
    assert {name: axis.levels for name, axis in axes.items()} == {
        "norm": ("small", "large"),
        "k": ("1", "4"),
        "mode + bias": ("tied, no", "folded, yes"),
        "lambda_query": ("0.05", "0"),
        "learning_rate": ("0.001", "0.5"),
    }
    # cells: bert-small folded, k1+lambda_query=0 (the recipe's learning rate is no setting of it), with .5; bert-large
    assert axes["norm"].found == ("small", "small", "small", "large", "large")
    assert axes["k"].found == ("4", "1", "1", "1", "4")
    assert axes["lambda_query"].found == ("0.05", "0", "0", "0.05", "0.05")
    assert axes["learning_rate"].found == ("0.001", "0.001", "0.5", "0.001", "0.001")


def test_an_interaction_implies_the_smaller_ones_and_one_that_does_not_vary_is_left_out() -> None:
    axes = [Axis((name,), name, ("a", "b"), ()) for name in ("family", "norm")]
    axes.append(Axis(("k", "mode"), "k, mode", ("1, tied", "4, folded"), ()))
    factors = Factors.model_validate({"axes": AXES, "interactions": [["mode", "norm", "family"], ["norm", "bias"]]})
    assert interactions_of(factors, axes) == [(0, 1), (0, 2), (1, 2), (0, 1, 2)]
    twice = Factors.model_validate({"axes": AXES, "interactions": [["k", "mode"]]})
    assert interactions_of(twice, axes) == []  # of an axis with itself


def levels(**named: list[str]) -> dict[str, Any]:
    return {**AXES, "norm": {"title": "Row norm", "levels": named}}


SMALL, LARGE = AXES["norm"]["levels"].values()


@pytest.mark.parametrize(
    ("axes", "interactions", "words"),
    [
        (levels(small=SMALL, large=LARGE[:1]), [], r"axes\.norm: backbone modernbert-large of the grid is in no level"),
        (levels(small=[*SMALL, LARGE[0]], large=LARGE), [], "bert-large is in the levels 'small' and 'large'"),
        (levels(small=SMALL, large=[*LARGE, LARGE[0]]), [], r"levels\.large: backbone bert-large stands there twice"),
        (levels(small=SMALL, large=[*LARGE, "bert-hefty"]), [], r"levels\.large: unknown backbone 'bert-hefty'; did"),
        (levels(all=[*SMALL, *LARGE]), [], "an axis without a baseline"),
        ({**AXES, "k": AXES["norm"]}, [], "have an axis 'k'"),
        (AXES, [["norm", "k", "famly"]], r"interactions\[0\]: unknown axis 'famly'; did you mean 'family'"),
        (AXES, [["norm", "norm"]], "stands there twice"),
        (AXES, [["norm"]], "at least 2"),
        ({}, [], "at least 1"),
    ],
)
def test_factors_that_do_not_say_what_a_cell_is_are_refused(axes: Any, interactions: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        configured(axes, interactions)


def test_the_line_of_the_file_is_named(tmp_path: Path) -> None:
    values = configuration()
    values["experiments"]["mini"]["factors"] = {"axes": levels(all=[*SMALL, *LARGE])}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(values))
    with pytest.raises(UserError, match=r"own\.yaml, line \d+: experiments\.mini\.factors\.axes\.norm: an axis"):
        load_config([tmp_path / "own.yaml"], catalogue=None)


def test_factors_change_no_run_and_no_setting() -> None:
    plain = build_config(configuration())
    factored = configured(interactions=[["norm", "k"], ["norm", "learning_rate"]])
    assert factored.runs() == plain.runs()
    assert [factored.run_settings(run) for run in factored.runs()] == [plain.run_settings(run) for run in plain.runs()]


def test_an_offset_of_variants_takes_the_name() -> None:
    """`offset` may name an axis of backbones where no variant has an offset, and not where one has."""
    named = {"offset": AXES["norm"]}
    assert "offset" in found(configured(named))
    with pytest.raises(UserError, match="have an axis 'offset'"):
        configured(named, grid=[{"backbones": ["bert-small"], "scales": [1], "offsets": [None, 2]}])
    assert Variant(1.0, offset=2.0).name == "k1-offset2"
