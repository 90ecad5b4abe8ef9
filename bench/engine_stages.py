"""Engines that bench_engines.py asks, each in a process of its own: engine_stages.py STAGE EXPORT WORK DEPTH OUTPUT.

A stage takes the files of an export as docs/exports.md tells the user to, and writes for each query the documents
and scores that the engine returned, or why the engine could not be asked.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from importlib.machinery import ExtensionFileLoader
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np

Results = dict[str, list[tuple[str, float]]]
Found = tuple[str, Results]
"""Name and version of what was asked, and its results by query."""

FEATURE_FIELDS = Path(__file__).with_name("FeatureFields.java")


class LeftOutError(Exception):
    """The engine is not installed here; the text says what is missing."""


def need(package: str, module: str) -> str:
    """Version of an installed package."""
    if find_spec(module) is None:
        raise LeftOutError(f"{package} is not installed")
    return f"{package} {metadata.version(package)}"


def java(options: argparse.Namespace, program: str, *words: object) -> None:
    """Run a Java program on one thread with Anserini's jar, which holds Lucene too."""
    if options.jar is None:
        raise LeftOutError("no --jar of Anserini")
    settings = ["-XX:ActiveProcessorCount=1", "-Xmx3g", "-cp", str(options.jar)]
    command = [str(options.jdk if program.endswith(".java") else options.java), *settings, program, *map(str, words)]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise LeftOutError(f"{command[0]} is not installed") from error
    if done.returncode or "\nError: " in done.stdout + done.stderr:  # Anserini ends with 0 after an error
        raise SystemExit(f"{program} failed:\n{(done.stdout + done.stderr)[-2000:]}")


def run_file(lines: Iterable[str]) -> Results:
    """Results in TREC's format of runs."""
    found: Results = {}
    for line in lines:
        query, _, document, _, score, _ = line.split()
        found.setdefault(query, []).append((document, float(score)))
    return found


def lucene(options: argparse.Namespace) -> Found:
    """Anserini indexes the folder of documents and searches the topics."""
    index, run = options.work / "index", options.work / "run.txt"
    collection = ["-collection", "JsonVectorCollection", "-generator", "DefaultLuceneDocumentGenerator"]
    weights = ["-impact", "-pretokenized", "-threads", 1]
    documents, topics = options.export / "documents", options.export / "queries.tsv"
    indexing = [*collection, "-input", documents, "-index", index, *weights, "-optimize"]
    java(options, "io.anserini.index.IndexCollection", *indexing)
    asked = ["-index", index, "-topics", topics, "-topicReader", "TsvString", "-output", run, "-hits", options.depth]
    java(options, "io.anserini.search.SearchCollection", *asked, *weights)
    return f"{options.jar.stem}, its Lucene", run_file(run.open())


def feature_fields(options: argparse.Namespace, engine: str) -> Found:
    """Lucene's FeatureField, on which the engine's field type is built."""
    output = options.work / "results.tsv"
    java(options, str(FEATURE_FIELDS), options.export, options.work / "index", engine, options.depth, output)
    found: Results = {}
    with output.open() as lines:
        for query, document, score in csv.reader(lines, delimiter="\t"):
            found.setdefault(query, []).append((document, float(score)))
    return f"Lucene FeatureField of {options.jar.stem}", found


def opensearch(options: argparse.Namespace) -> Found:
    """The query that neural_sparse makes of the tokens on a rank_features field."""
    return feature_fields(options, "opensearch")


def elasticsearch(options: argparse.Namespace) -> Found:
    """The query that sparse_vector makes of the vector when it does not prune."""
    return feature_fields(options, "elasticsearch")


def ciff_toolkit(options: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """Postings and documents of a CIFF file, by a reader that is not ours: [n] terms, documents and weights."""
    version = need("ciff-toolkit", "ciff_toolkit")
    from ciff_toolkit.read import CiffReader

    lists = []
    with CiffReader(options.export / "index.ciff") as reader:
        for postings in reader.read_postings_lists():
            numbers = np.cumsum([posting.docid for posting in postings.postings])
            weights = [posting.tf for posting in postings.postings]
            lists.append((np.full(len(weights), int(postings.term)), numbers, np.array(weights)))
        documents = [(record.collection_docid, record.doclength) for record in reader.read_documents()]
    columns = [np.concatenate(column) for column in zip(*lists, strict=True)]
    np.savez(options.work / "postings.npz", **dict(zip(("terms", "documents", "weights"), columns, strict=True)))
    return version, {"documents": documents}


def pisa(options: argparse.Namespace) -> Found:
    """PISA on the collection that a third party's reader of CIFF gives; exhaustive after quantised weights."""
    version = f"{need('pyterrier-pisa', 'pyterrier_pisa')} on {need('ciff-toolkit', 'ciff_toolkit')}"
    engine = _pisathon()
    _pisa_collection(options.export / "index.ciff", options.work)
    for name, lexicon in (("terms", "termlex"), ("documents", "doclex")):
        engine.build_binlex(str(options.work / f"fwd.{name}"), str(options.work / f"fwd.{lexicon}"))
    context = engine.RetrievalContext()
    engine.prepare_index(context, str(options.work), "block_simdbp", "quantized", "", quantize=0, stop_fname="")
    queries = [line.rstrip("\n").partition(":")[::2] for line in (options.export / "queries.txt").open()]
    size = len(queries) * options.depth
    columns = {"qidxs": np.int32, "docnos": object, "ranks": np.int32, "scores": np.float32}
    results = {f"result_{name}": np.empty(size, kind) for name, kind in columns.items()}
    asked = list(enumerate(text for _, text in queries))
    settings = {"k": options.depth, "threads": 1, "query_weighted": 1, "pretokenised": False}
    size = engine.retrieve(context, "maxscore", asked, **settings, **results)
    found: Results = {}
    numbers, documents, _, scores = (column[:size].tolist() for column in results.values())
    for number, document, score in zip(numbers, documents, scores, strict=True):
        found.setdefault(queries[number][0], []).append((document, score))
    return version, found


def _pisathon() -> Any:
    """The compiled part of pyterrier-pisa, without PyTerrier; tbb's wheel lies in DIR/tbb, as nothing else finds it."""
    spec = find_spec("pyterrier_pisa")
    if spec is None or spec.origin is None:
        raise LeftOutError("pyterrier-pisa is not installed")
    package = Path(spec.origin).parent
    library = package.parent / "tbb" / "lib" / "libtbb.so.2"
    if library.is_file():
        ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)
    path = str(next(package.glob("_pisathon*.so")))
    compiled = spec_from_file_location("_pisathon", path, loader=ExtensionFileLoader("_pisathon", path))
    if compiled is None or compiled.loader is None:
        raise LeftOutError(f"{path} cannot be loaded")
    module = module_from_spec(compiled)
    compiled.loader.exec_module(module)
    return module


def _pisa_collection(ciff: Path, folder: Path) -> None:
    """PISA's binary collection: 32-bit lists after their lengths. Its own ciff2pisa has no package to install."""
    from ciff_toolkit.read import CiffReader

    def counted(values: Iterable[int]) -> bytes:
        content = np.fromiter(values, np.uint32)
        return np.array([len(content)], np.uint32).tobytes() + content.tobytes()

    with (
        CiffReader(ciff) as reader,
        (folder / "inv.docs").open("wb") as documents,
        (folder / "inv.freqs").open("wb") as weights,
        (folder / "fwd.terms").open("w") as terms,
    ):
        documents.write(counted([reader.header.num_docs]))
        for postings in reader.read_postings_lists():
            documents.write(counted(np.cumsum([posting.docid for posting in postings.postings])))
            weights.write(counted(posting.tf for posting in postings.postings))
            terms.write(postings.term + "\n")
        records = list(reader.read_documents())
    (folder / "inv.sizes").write_bytes(counted(record.doclength for record in records))
    (folder / "fwd.documents").write_text("".join(record.collection_docid + "\n" for record in records))


def bmp(options: argparse.Namespace) -> Found:
    """BMP with its own reader of CIFF and of queries, both thresholds at 1."""
    version = need("bmp", "bmp")
    from bmp import ciff2bmp, search

    index = options.work / "index.bmp"
    ciff2bmp(str(options.export / "index.ciff"), str(index), 32, False)
    run = search(str(index), str(options.export / "queries.txt"), options.depth, 1.0, 1.0)
    return version, run_file(run.splitlines())


def seismic(options: argparse.Namespace) -> Found:
    """Seismic as it is built by default, with the search of its manual; approximate."""
    return _seismic(options, {}, cut=10, heap=0.8)


def seismic_wide(options: argparse.Namespace) -> Found:
    """Seismic with nothing left out that its settings can keep."""
    widest = {"n_postings": 20_000, "summary_energy": 1.0, "max_fraction": 10.0, "doc_cut": 400}
    return _seismic(options, widest, cut=1000, heap=1.0)


def _seismic(options: argparse.Namespace, settings: dict[str, Any], cut: int, heap: float) -> Found:
    version = need("pyseismic-lsr", "seismic")
    from seismic import SeismicIndex, get_seismic_string

    index = SeismicIndex.build(str(options.export / "documents.jsonl"), num_threads=1, **settings)
    found: Results = {}
    for line in (options.export / "queries.jsonl").open():
        query = json.loads(line)
        terms = np.array(list(query["vector"]), get_seismic_string())
        weights = np.array(list(query["vector"].values()), np.float32)
        hits = index.search(query["id"], terms, weights, options.depth, cut, heap)
        found[query["id"]] = [(document, float(score)) for _, score, document in hits]
    return version, found


def qdrant(options: argparse.Namespace) -> Found:
    """qdrant-edge, the engine of Qdrant in the process: the Parquet columns as they are, the id in the payload."""
    version = need("qdrant-edge-py", "qdrant_edge")
    import pyarrow.parquet as pq
    import qdrant_edge as qe

    settings = qe.EdgeConfig(sparse_vectors={"terms": qe.EdgeSparseVectorParams()}, vectors={})
    shard = qe.EdgeShard.create(str(options.work), settings)
    number = 0
    for path in sorted(options.export.glob("shard-*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(2000):
            points = []
            for row in batch.to_pylist():
                vector = qe.SparseVector(row["terms"], row["weights"])
                points.append(qe.Point(number, {"terms": vector}, {"id": row["id"]}))
                number += 1
            shard.update(qe.UpdateOperation.upsert_points(points))
    shard.optimize()
    found: Results = {}
    for row in pq.read_table(options.export / "queries.parquet").to_pylist():
        query = qe.Query.Nearest(qe.SparseVector(row["terms"], row["weights"]), using="terms")
        hits = shard.query(qe.QueryRequest(limit=options.depth, query=query, with_payload=True))
        found[row["id"]] = [(hit.payload["id"], hit.score) for hit in hits]
    return version, found


STAGES: dict[str, Callable[[argparse.Namespace], tuple[str, Any]]] = {
    stage.__name__: stage
    for stage in (lucene, opensearch, elasticsearch, ciff_toolkit, pisa, bmp, seismic, seismic_wide, qdrant)
}


def main() -> None:
    """Run one stage."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("export", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("depth", type=int)
    parser.add_argument("output", type=Path)
    parser.add_argument("--jar", type=Path)
    parser.add_argument("--java", type=Path, default=Path("java"))
    parser.add_argument("--jdk", type=Path, default=Path("java"))
    options = parser.parse_args()
    try:
        version, results = STAGES[options.stage](options)
    except LeftOutError as reason:
        answer = {"left_out": str(reason)}
    else:
        answer = {"version": version, "results": results}
    options.output.write_text(json.dumps(answer))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
