"""What a stage opens and writes is what its row of the graph declares: as the kernel sees it, in a real experiment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rescalade.config import Config, build_config
from rescalade.paths import Paths
from rescalade.pipeline.costs import cost_file
from rescalade.pipeline.execute import execute
from rescalade.pipeline.graph import STAGES, input_files
from rescalade.pipeline.jobs import ALL, Job, Key, make_jobs
from rescalade.stage import Machine
from support.opened_files import OpenedFiles
from support.texts import TEXTS

CONFIG = """
experiment: declared
sources:
  docstrings: {{kind: pydoc}}
  local: {{kind: files}}
datasets:
  words: {{source: docstrings, packages: [typer, jinja2], part: train, limit: 60}}
  own: {{source: local, path: {folder}, part: test, documents: 12}}
  same: {{source: local, path: {folder}, part: more, corpus: own}}
backbones:
  tiny:
    source: pretrain
    pretrain:
      {{family: bert, text: words, vocabulary: 300, layers: 1, width: 16, feed_forward: 16, steps: 1, batch_size: 2,
       length: 16}}
  copied: {{source: local, path: results/backbones/tiny}}
  theirs: {{source: local, path: results/backbones/tiny, trained: true}}
  large: {{source: inflate, of: tiny, factor: 4.0, head: large, twin: tiny}}
  causal:
    source: pretrain
    pretrain:
      {{family: llama, text: words, vocabulary: 300, layers: 1, width: 16, feed_forward: 16, steps: 1, batch_size: 2,
       length: 16}}
recipes:
  quick:
    adaptation: {{steps: 2, batch_size: 1, length: 16, lora: null}}
    train: {{max_steps: 2, batch_size: 4, query_length: 8, document_length: 16}}
retrieval: {{shard_documents: 5, shard_jobs: true}}
experiments:
  declared:
    title: Declared
    recipe: quick
    train_on: words
    in_domain: [own]
    out_of_domain: [same]
    seeds: [1]
    grid:
      - {{backbones: [tiny, copied, large], scales: [1]}}
      - {{backbones: [large], scales: [auto], rule: width, modes: [untied]}}
      - {{backbones: [causal], scales: [1], offsets: [1], adapted: [true], readings: [bidirectional]}}
    quantised: [int8-weight]
    models: [theirs]
    runs:
      ranked: {{files: {{own: {folder}/run.trec}}}}
      encoded: {{vectors: {{own: {{documents: {folder}/vectors, queries: {folder}/asked.tsv}}}}}}
"""


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Config, dict[Key, Job]]]:
    """Local files with twelve documents and two sets of queries over them, and the jobs of the experiment."""
    folder = tmp_path_factory.mktemp("declared")
    own = folder / "own"
    (own / "qrels").mkdir(parents=True)
    texts = {f"d{number}": text for number, text in enumerate(TEXTS[:12])}
    write_lines(own / "corpus.jsonl", [{"_id": name, "title": "", "text": text} for name, text in texts.items()])
    write_lines(own / "queries.jsonl", [{"_id": f"q{number}", "text": TEXTS[number][:30]} for number in range(6)])
    (own / "run.trec").write_text("q0 Q0 d0 1 1.0 theirs\n")
    (own / "vectors").mkdir()
    write_lines(own / "vectors" / "part.jsonl", [{"id": name, "vector": {"a": 1.5}} for name in texts])
    (own / "asked.tsv").write_text("".join(f"q{number}\ta b\n" for number in range(6)))
    for part, numbers in (("test", range(3)), ("more", range(3, 6))):
        rows = "".join(f"q{number}\td{number}\t1\n" for number in numbers)
        (own / "qrels" / f"{part}.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        config = build_config(yaml.safe_load(CONFIG.format(folder=own)))
        yield config, make_jobs(config, Paths())


def write_lines(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def in_order(jobs: dict[Key, Job]) -> list[Job]:
    """Each job after those that it needs."""
    done: dict[Key, Job] = {}

    def add(key: Key) -> None:
        for need in jobs[key].needs:
            if need not in done:
                add(need)
        done[key] = jobs[key]

    add((ALL,))
    return [job for job in done.values() if job.row is not None]


def files() -> dict[Path, tuple[int, int]]:
    """Every file of results and report, with what changes when it is written anew."""
    found = [path for folder in ("results", "report") for path in Path(folder).rglob("*") if path.is_file()]
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def within(path: Path, places: list[Path]) -> bool:
    """Whether it is one of them, lies in one of them, or is the unfinished form of one (`.NAME.PID.part`)."""
    for place in places:
        if path == place or place in path.parents:
            return True
        if any(
            each.parent == place.parent and each.name.startswith(f".{place.name}.") for each in (path, *path.parents)
        ):
            return True
    return False


@pytest.mark.slow
def test_every_stage_keeps_to_its_declaration(experiment: tuple[Config, dict[Key, Job]]) -> None:
    config, jobs = experiment
    undeclared: list[str] = []
    run: set[str] = set()
    tiny = Path("results") / "backbones" / "tiny"
    for job in in_order(jobs):
        assert job.row is not None
        Path("results").mkdir(exist_ok=True)
        Path("report").mkdir(exist_ok=True)
        given = input_files(job.paths, job.inputs)
        inputs = [path for value in given.values() for path in (value if isinstance(value, list) else [value])]
        if job.row.reads_records:
            inputs += [other.record for other in make_jobs(config, job.paths, job.key).values() if other.record]
        inputs += [tiny / "config.json"]  # the graph itself asks a local model for its type
        own = [*job.outputs.values(), *job.row.cache_folders(job.paths, job.names).values()]
        own += [cost_file(job.paths, job.row, job.names)]  # left by every job, and no output
        before = files()
        with OpenedFiles([Path("results"), Path("report")]) as opened:
            execute(config, job.paths, job.rule, job.names, Machine(device_name="cpu"))
        for path in sorted(opened.paths & before.keys()):
            if not within(path, [*inputs, *own]):
                undeclared.append(f"{'/'.join(job.key)} reads {path}")
        written = [path for path, stamp in files().items() if before.get(path) != stamp]
        undeclared += [f"{'/'.join(job.key)} writes {path}" for path in sorted(written) if not within(path, own)]
        missing = [name for name, path in job.outputs.items() if not path.exists()]
        undeclared += [f"{'/'.join(job.key)} does not make {name}" for name in missing]
        run.add(job.rule)
    assert undeclared == [], "\n".join(undeclared)
    assert run == set(STAGES), "a stage that this experiment does not run is not held to its declaration"
