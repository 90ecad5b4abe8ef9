"""The loss before the first step of training, measured on its own: a file that needs no run."""

from __future__ import annotations

from rescalade.stored import Stored
from rescalade.variants import Mode


class Step0(Stored):
    """`step0/RECIPE/BACKBONE/VARIANT.json`.

    Both lambdas are 0 and no weight moves. The model is in training mode, with the dropout that training would draw:
    the first loss of a run has it too.

    scale: the k that was used, a rule's choice included. seed: of micro-batches and dropout, the experiment's first.
    loss: mean ranking loss over the micro-batches. standard_error: of that mean, over micro-batches, n - 1 in the
    denominator; None for one alone. batches: micro-batches, each with `queries` queries and no query in two of them.
    candidates: documents in a query's softmax, whose logarithm is the loss of telling nothing apart; None for a loss
    that has no such.
    """

    recipe: str
    backbone: str
    variant: str
    scale: float
    mode: Mode
    bias: bool
    seed: int
    loss: float
    standard_error: float | None
    batches: int
    queries: int
    candidates: int | None
