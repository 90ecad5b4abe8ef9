"""What the jobs of a call would each load, read and set up: the server does it once, and its forks have it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path

from rescalade.errors import UserError


def load(arguments: Sequence[str], folder: str | None = None) -> None:
    """Have ready what a command will need.

    That is the libraries of the graph's rows of its name, the digests of their code, and its configuration.

    Args:
        arguments: of the command.
        folder: in which it runs; where that is another folder than this process's, it reads its configuration itself.

    Raises:
        ImportError: and whatever else a library raises when it is imported.
    """
    gc.disable()
    _load_command()
    for command in arguments[:1]:
        _load_stages(command)
    if folder == str(Path.cwd()):
        _read_configuration(dict(pairwise(arguments)))


@cache
def _load_command() -> None:
    """The command line, what reading a configuration loads, and what records say of the software."""
    import ir_measures  # noqa: F401
    import pydantic.type_adapter  # noqa: F401

    from rescalade.cli.main import built
    from rescalade.pipeline.records import software

    built()
    software()


@cache
def _load_stages(command: str) -> None:
    from rescalade.pipeline.execute import load_stage
    from rescalade.pipeline.graph import STAGES
    from rescalade.pipeline.job_code import known

    for row in STAGES.values():
        if row.kind == command:
            load_stage(row)
            with suppress(UserError):  # a broken module: the job says so
                known(row.name)
    for module, prepare in PREPARED.items():
        if module in sys.modules:
            prepare()


def _read_configuration(options: dict[str, str]) -> None:
    from rescalade.pipeline.snapshot import known_snapshot

    if "--snapshot" in options:
        with suppress(UserError):  # which the job finds, too
            known_snapshot(Path(options["--snapshot"]), options.get("--experiment"))


def _read_types() -> None:
    """Read the tables of types and functions of numba, which every job that calls a kernel would read."""
    from numba.core.registry import cpu_target

    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()


@cache
def _read_conversions() -> None:
    """Read the table of how checkpoints name weights, a thousand patterns that the first model would compile."""
    with suppress(ImportError):  # of another version
        from transformers.conversion_mapping import get_checkpoint_conversion_mapping

        get_checkpoint_conversion_mapping("bert")


@cache
def _compile_measures() -> None:
    """Compile trec_eval's patterns of names of measures, as the first evaluator would."""
    import pytrec_eval

    pytrec_eval.RelevanceEvaluator({}, {"map"})


@cache
def _search_something() -> None:
    """Compile the kernels of retrieval, or read them from where they are kept; so do the next two."""
    import numpy as np

    from rescalade.retrieval.index import build_index
    from rescalade.retrieval.search import search
    from rescalade.vectors.vectors import SparseVectors

    ones = np.ones(1, np.float32)
    vectors = SparseVectors(["only"], np.array([0, 1]), np.zeros(1, np.int32), ones)
    search(build_index([vectors], 1), vectors, 1)


@cache
def _pool_something() -> None:
    import torch

    from rescalade.splade.backends.compiled import accumulate, search

    row = torch.ones(1, 1)
    best, winner = search(row, torch.tensor([0, 1]), row, row[0])
    accumulate(best, winner, row, row, free=True)  # without autograd, which starts a thread


@cache
def _sparsify_something() -> None:
    import torch

    from rescalade.encoding.sparsify import sparsify

    sparsify(torch.ones(1, 1))


PREPARED: dict[str, Callable[[], None]] = {
    "numba": _read_types,
    "transformers": _read_conversions,
    "pytrec_eval": _compile_measures,
    "rescalade.retrieval.block": _search_something,
    "rescalade.splade.backends.compiled": _pool_something,
    "rescalade.encoding.sparsify": _sparsify_something,
}
"""What is set up once a module is there. Of kernels this also spares that two jobs which start together in a new
installation both compile them, which takes seconds."""
