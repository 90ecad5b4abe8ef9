"""The stage `search`."""

from __future__ import annotations

from rescalade.atomic import sha256
from rescalade.retrieval.header import check_origin, verify
from rescalade.retrieval.ranker import Ranker
from rescalade.retrieval.settings import SearchSettings
from rescalade.retrieval.storage import load_index
from rescalade.scoring.runfile import write_run
from rescalade.scoring.scores import Timings
from rescalade.stage import Call, Files
from rescalade.vectors.file_names import MANIFEST, QUERIES
from rescalade.vectors.files import read_vectors
from rescalade.vectors.manifest import CorpusShards


def run_search(settings: SearchSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Retrieve the best documents for every query of a data set.

    Args:
        inputs: `vectors` with the queries; `documents`, the vectors of the documents, which are those of another data
            set where the two share their corpus; `index`, made from `documents`.
        outputs: `retrieved`, a run file; `timings`: bytes of the index and queries per second of CPU time.
        call: names["run"] goes into the run file.

    Raises:
        UserError: a file is damaged, or vectors and index do not belong together.
    """
    shards = CorpusShards(inputs["vectors"])
    queries = read_vectors(inputs["vectors"] / QUERIES)
    verify(inputs["index"])
    check_origin(inputs["index"], model=shards.manifest.model, vectors=sha256(inputs["documents"] / MANIFEST))
    index = load_index(inputs["index"])
    ranker = Ranker(index, settings.depth, settings.drop_identical_ids, call.machine.threads)
    write_run(outputs["retrieved"], ranker.rankings(queries), tag=call.names["run"].replace("/", "-"))
    timings = Timings(index_bytes=index.bytes, queries_per_second=len(queries) / max(ranker.seconds, 1e-9))
    timings.write(outputs["timings"])
    call.record(outputs["record"])
