"""The stage `bm25`."""

from __future__ import annotations

from rescalade.retrieval.bm25 import rank_collection
from rescalade.retrieval.settings import Bm25Settings
from rescalade.scoring.runfile import write_run
from rescalade.scratch import scratch_folder
from rescalade.stage import Call, Files


def run_bm25(settings: Bm25Settings, inputs: Files, outputs: Files, call: Call) -> None:
    """Rank a data set by BM25, the floor in every table.

    Args:
        inputs: `corpus`, `queries` and `manifest` of the data set.
        outputs: `retrieved`, a run file.

    Raises:
        UserError: a file of the data set is missing or damaged.
    """
    with scratch_folder(outputs["retrieved"]) as scratch:
        rankings = rank_collection(
            inputs["corpus"].parent,
            scratch,
            settings.depth,
            analyser=settings.analyser,
            drop_identical_ids=settings.drop_identical_ids,
            threads=call.machine.threads,
        )
        write_run(outputs["retrieved"], rankings, "bm25")
    call.record(outputs["record"])
