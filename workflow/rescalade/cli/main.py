"""Entry point: builds the application and turns user errors into one line and exit status 2."""

from __future__ import annotations

import gc
import logging
import sys
from functools import cache
from typing import Any, NoReturn

import typer

from rescalade.cli.ask import search
from rescalade.cli.backbones import adapt, audit, backbone, ready, rescale
from rescalade.cli.context import stage_command
from rescalade.cli.evaluate import evaluate
from rescalade.cli.export import effect, export
from rescalade.cli.failures import check_text, disk_failure, home_failure, missing_package
from rescalade.cli.plan import costs, plan
from rescalade.cli.reporting import claims, figures, outcomes, report, rules, tables
from rescalade.cli.settings import docs, list_entries, show_config
from rescalade.cli.stages import (
    bm25,
    collection,
    encode,
    index,
    random,
    score,
    source,
    speed,
    step0,
    take_run,
    take_vectors,
    train,
    triples,
)
from rescalade.errors import UserError
from rescalade.quiet import quieten

INTERRUPTED = 130

app = typer.Typer(
    name="rescalade",
    help="Rescaled masked-LM heads for neural sparse retrieval: every stage of the pipeline as a command.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for function in (
    source, collection, triples, bm25, random, backbone, ready, adapt, audit, rescale, step0, train, encode, speed,
    index, search, take_run, take_vectors, score, tables, figures, report, claims, rules, outcomes, plan, costs,
    evaluate,
):  # fmt: skip
    app.command()(stage_command(function))
for other in (effect, export, docs):
    app.command()(other)
app.command("list")(list_entries)
app.command("config")(show_config)


@cache
def built() -> Any:
    """The application as Click runs it, made of the signatures above once in a process."""
    return typer.main.get_command(app)


def main() -> NoReturn:
    """Run the command line.

    A UserError, what the operating system refuses, a full disk say, and a missing package of the extra `pipeline` end
    in one line on standard error and status 2, Ctrl-C in status 130; other exceptions keep their traceback, since they
    are mistakes of ours.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    # Importing torch and transformers makes a million long-lived objects; at the default thresholds the garbage
    # collector walks them again and again, a quarter of the start-up time of every stage.
    gc.set_threshold(200_000, 50, 50)
    quieten()
    try:
        check_text(sys.argv[1:])
        built()()
    except UserError as error:
        _end(str(error), 2)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # typer has turned Ctrl-C into this already
            _end("interrupted; finished stages are kept, run the same command to go on", INTERRUPTED)
        raise
    except OSError as error:
        failure = disk_failure(error)
        if failure is None:
            raise
        _end(failure, 2)
    except RuntimeError as error:
        failure = home_failure(error, sys.argv[1:])
        if failure is None:
            raise
        _end(failure, 2)
    except ModuleNotFoundError as error:
        failure = missing_package(error)
        if failure is None:
            raise
        _end(failure, 2)
    raise SystemExit(0)


def _end(message: str, status: int) -> NoReturn:
    sys.stderr.write("rescalade: error: " + " ".join(message.split()) + "\n")
    raise SystemExit(status)
