"""The recipes of config.yaml against the numbers of their sources, copied here a second time."""

from __future__ import annotations

from pathlib import Path

import pytest

from rescalade.config import load_config
from rescalade.errors import UserError
from rescalade.training.steps import optimiser_steps

CONFIG = Path(__file__).parents[2] / "config.yaml"
RECIPES = load_config([CONFIG]).model.recipes

# loss, queries per step, steps on 503,000 triples, learning rate, lambda of queries and documents, ramp in steps,
# warm-up in steps, weight decay, negatives
NUMBERS = {
    "paper": ("infonce", 64 * 8, 983, 1e-4, 5e-2, 3e-3, 328, 99, 0.0, 1),
    "splade-v2-max": ("infonce-own-negatives", 128, 150_000, 2e-5, 3e-4, 1e-4, 50_000, 6000, 0.01, 1),
    "splade-pp-ensembledistil": ("margin-mse", 128, 150_000, 2e-5, 0.1, 0.08, 50_000, 6000, 0.01, 1),
    "splade-v3": ("kl-margin-mse", 128, 150_000, 2e-5, 0.5, 0.4, 50_000, 6000, 0.01, 8),
    "st-example": ("infonce", 16, 31_437, 2e-5, 5e-5, 1e-3, 10_479, 3144, 0.0, 1),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_those_of_the_source(name: str) -> None:
    recipe = RECIPES[name]
    train = recipe.train
    steps = optimiser_steps(train, 503_000)
    assert (
        train.loss,
        train.batch_size * train.accumulation,
        steps,
        train.learning_rate,
        train.lambda_query,
        train.lambda_document,
        train.ramp_length(steps),
        train.warmup_length(steps),
        train.weight_decay,
        train.negatives,
    ) == NUMBERS[name]
    assert (train.temperature, train.max_gradient_norm, train.precision) == (1.0, 1.0, "bf16")
    assert (train.query_length, train.document_length, train.ramp, train.schedule) == (256, 256, "quadratic", "linear")
    assert train.score_precision == "fp32"
    assert recipe.source and recipe.mining.negatives == train.negatives


def test_an_unknown_field_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("recipes: {paper: {train: {lambda_querry: 0.1}}}\n")
    with pytest.raises(UserError, match="did you mean 'lambda_query'"):
        load_config([CONFIG, tmp_path / "more.yaml"])
