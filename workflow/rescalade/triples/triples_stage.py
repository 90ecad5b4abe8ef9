"""The stage `triples`."""

from __future__ import annotations

from rescalade.stage import Call, Files
from rescalade.triples.settings import TriplesSettings
from rescalade.triples.triples import make_triples


def run_triples(settings: TriplesSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Make training triples: those that the data set brings, else with hard negatives from BM25.

    Raises:
        UserError: there is no triple at all, or a file of the data set is missing or damaged.
    """
    make_triples(
        inputs["corpus"].parent,
        outputs["triples"],
        negatives=settings.negatives,
        depth=settings.depth,
        seed=settings.seed,
        analyser=settings.analyser,
        drop_identical_ids=settings.drop_identical_ids,
        threads=call.machine.threads,
    )
    call.record(outputs["record"])
