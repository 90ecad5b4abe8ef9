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


def test_csplade_is_as_its_paper_says_and_the_rest_is_a_guess() -> None:
    """Section 3 of arXiv 2504.10816 by its numbers; 500,000 examples are 15,625 steps of 32."""
    stated = {"csplade-1b": (46_875, 5e-5, 3e-3, 64), "csplade-8b": (15_625, 1e-4, 3e-2, 16)}
    for name, (steps, rate, weight, rank) in stated.items():
        recipe, train = RECIPES[name], RECIPES[name].train
        assert (train.loss, train.batch_size, train.accumulation, train.negatives) == ("infonce", 32, 1, 15)
        assert train.batch_size * (1 + train.negatives) - 1 == 511 and recipe.mining.negatives == 15
        assert (optimiser_steps(train, 500_000), train.learning_rate) == (steps, rate)
        assert (train.lambda_query, train.lambda_document, train.schedule, train.precision) == (
            weight, weight, "cosine", "bf16",
        )  # fmt: skip
        phase = recipe.adaptation
        assert phase is not None and phase.batch_size * phase.accumulation == 32
        assert (phase.steps, phase.warmup_steps, phase.length, phase.sparse_weight) == (10_000, 1_000, 2048, 1.0)
        assert train.warmup_length(100) == 5 and train.lora is not None and train.lora.rank == rank
        assert all(guess.here and guess.why for guess in recipe.guesses)
        said = {guess.open: guess.here for guess in recipe.guesses}
        assert said["lengths"] == f"{train.query_length} tokens of a query, {train.document_length} of a document"


OPEN = (
    "library", "seeds", "subset", "sampler", "gathered", "8 GPUs", "bias", "before the projection",
    "type of the weights", "pooling, scores and loss", "weight decay, clipping, betas and epsilon", "dropout",
    "special tokens", "which state", "checkpoints behind the names", "anisotropy", "encoding in evaluation",
    "lengths in evaluation", "retrieval", "BEIR", "axis of figure 2", "lambdas of figure 2", "what a collapse is",
)  # fmt: skip
"""What the paper does not say of its recipe and evaluation."""


@pytest.mark.parametrize("name", ["paper", "paper-lambda-low", "paper-lambda-high"])
def test_whatever_the_paper_leaves_open_is_a_guess_with_its_reason(name: str) -> None:
    guesses = RECIPES[name].guesses
    assert all(guess.here and guess.why for guess in guesses)
    for words in OPEN:
        assert [guess for guess in guesses if words in guess.open], words
    assert len(guesses) == len(OPEN)


def test_what_the_guesses_say_is_what_the_recipe_does() -> None:
    """The other side of the list: the settings, from the configuration itself."""
    config = load_config([CONFIG], "paper")
    train, said = config.recipe.train, {guess.open: guess.here for guess in config.recipe.guesses}
    assert (train.weight_decay, train.max_gradient_norm, train.beta1, train.beta2, train.epsilon) == (
        *map(float, (said["weight decay, clipping, betas and epsilon"].replace(" and", ",").split(", "))),
    )
    assert said["seeds"].startswith(f"{config.experiment.seeds[0]};")
    subset = config.model.datasets[config.experiment.train_on].model_dump()["subset"]
    assert said["subset of the training data"].startswith(f"{subset},")
    assert config.encoding_precision(train) == "bf16" and "bf16" in said["precision of encoding in evaluation"]
    assert train.pool_special_tokens and said["special tokens in the maximum over tokens"] == "they take part"
    assert {entry.bias for entry in config.experiment.grid} == {False}
    assert said["whether the bias is divided"] == "it is not"


def test_an_unknown_field_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("recipes: {paper: {train: {lambda_querry: 0.1}}}\n")
    with pytest.raises(UserError, match="did you mean 'lambda_query'"):
        load_config([CONFIG, tmp_path / "more.yaml"])
