"""Which edits make which stages run again: a table of edits of this package and the right answer to each."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pytest
import yaml

from rescalade.config import build_config, load_config
from rescalade.models.families import FAMILIES
from rescalade.pipeline import digest
from rescalade.pipeline.digest import ROOT, _family_rows, _module, code_digest
from rescalade.pipeline.graph import STAGES
from rescalade.pipeline.job_code import job_code, model_type
from support.sources import config

KINDS = config(pydoc={"source": "pydoc", "packages": ["a"]}, wheel={"source": "wheel"})
"""A source and a data set of each kind that has a stage of its own."""
BEGINS = {
    **{f"source:{kind}": tuple(KINDS.source(kind).modules()) for kind in ("pydoc", "wheel")},
    **{f"collection:{kind}": tuple(KINDS.dataset(kind).modules(KINDS.source(kind))) for kind in ("pydoc", "wheel")},
}
"""Modules in which the code of a kind begins, by stage and kind."""
REPORTS = {"page", "tables", "figures", "index_page"}
"""They show whatever there is, cost seconds, and count everything."""

EDITS = [
    # what decides a collection, and no more
    ("data/judgements.py", "gains.get(grade, grade)", "grade", {"collection"}),
    ("data/writer.py", "seen, done = HashSet(), 0", "seen, done = HashSet(), 1", {"collection"}),
    ("data/dataset_config.py", '        "prepend",', '        "once",', {"collection"}),
    ("data/wheels/boolq.py", 'row["idx"] != 0', 'row["idx"] != 1', {"collection:wheel"}),
    ("data/wheels/dataset.py", '"train",\n', '"dev",\n', {"collection:wheel"}),
    ("data/pydoc/dataset.py", "digest_size=16", "digest_size=8", {"collection:pydoc"}),
    # what is taken from a source, and no more: its data sets are made anew because its files are
    ("data/source_stage.py", "settings.wanted, call", "settings.wanted[1:], call", {"source"}),
    ("data/pydoc/extraction.py", "], near_duplicate)", "], near_duplicate / 2)", {"source:pydoc"}),
    ("data/pydoc/duplicates.py", "SHINGLE_WORDS = 5", "SHINGLE_WORDS = 6", {"source:pydoc"}),
    ("data/pydoc/source.py", "=self.near_duplicate", "=self.near_duplicate / 2", {"source:pydoc"}),
    ("data/wheels/source.py", "sha256(path)", "sha256(path.parent)", {"source:wheel"}),
    # what both agree on
    ("data/pydoc/pair_file.py", "    query: str", "    question: str", {"collection:pydoc", "source:pydoc"}),
    ("data/wheels/members.py", "train_rc_5shot", "train_rc_0shot", {"collection:wheel", "source:wheel"}),
    ("audit/audit_stage.py", "inflate=settings.inflate", "inflate=settings.inflate * 2", {"audit_backbone"}),
    ("adaptation/loss.py", "sparse_weight / chosen", "sparse_weight * chosen", {"adapt"}),
    # retrieval trains nothing
    ("retrieval/kernel.py", "CHUNK = 64", "CHUNK = 128", {"search", "bm25", "triples", "random", "take_vectors"}),
    ("retrieval/words.py", 'stopwords="en"', 'stopwords="de"', {"triples", "bm25"}),
    (
        "scoring/score.py",
        "float(len(hits) - rank)",
        "float(len(hits) - rank + 1)",
        {"score", "score_bm25", "score_random", "score_given"},
    ),
    # words for people
    ("training/callback.py", "pip install tensorboard, or", "install tensorboard, or", set()),
    ("training/forecast.py", "tokens without padding", "tokens, padding left out", set()),
    ("atomic.py", "run the stage that makes it first", "make it first", set()),
    # another family than the backbone's
    (
        "models/families.py",
        '    "ultrabert": ',
        '    "newbert": Family("head.decoder", None, ("head.decoder",)),\n    "ultrabert": ',
        set(),
    ),
    # what trains
    ("objective/loss.py", "import torch\n", "import torch\n\nADDED = 1\n", {"audit_backbone", "step0_loss", "train"}),
]


def digests(root: Path) -> dict[str, str]:
    """Of every stage on a BERT, sources and collections by kind."""
    for kept in (_module, digest._file, digest._reached):
        kept.cache_clear()
    _family_rows.cache_clear()
    found = {name: code_digest(name, "bert", (), root) for name in STAGES if name not in ("source", "collection")}
    return found | {name: code_digest(name.partition(":")[0], "bert", also, root) for name, also in BEGINS.items()}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("package") / "rescalade"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@pytest.fixture(scope="module")
def unedited(package: Path) -> dict[str, str]:
    return digests(package)


@pytest.fixture(scope="module")
def _read() -> dict[tuple[str, bytes], tuple[str, frozenset[str]]]:
    """What was read of a module, by what it said then."""
    return {}


@pytest.fixture
def only_what_changed(
    _read: dict[tuple[str, bytes], tuple[str, frozenset[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module is parsed anew only where its text is another: an edit is of one file out of hundreds."""

    def read(root: Path, name: str) -> tuple[str, frozenset[str]]:
        path = digest._file(root, name)
        assert path is not None
        key = (name, path.read_bytes())
        if key not in _read:
            _read[key] = _module.__wrapped__(root, name)
        return _read[key]

    monkeypatch.setattr(digest, "_module", cache(read))


@pytest.mark.parametrize(("file", "old", "new", "again"), EDITS, ids=[f"{edit[0]}-{n}" for n, edit in enumerate(EDITS)])
@pytest.mark.usefixtures("only_what_changed")
def test_an_edit_makes_run_again(
    package: Path, unedited: dict[str, str], file: str, old: str, new: str, again: set[str]
) -> None:
    path = package / file
    text = path.read_text()
    assert text.count(old) >= 1, f"{file} no longer says {old!r}"
    path.write_text(text.replace(old, new, 1))
    try:
        after = digests(package)
    finally:
        path.write_text(text)
    changed = {name for name, found in after.items() if found != unedited[name]} - REPORTS
    every = {name for name in BEGINS if name.partition(":")[0] in again}
    assert changed == {name for name in again if name not in ("source", "collection")} | every


def test_a_table_is_seen_that_no_import_names(package: Path, unedited: dict[str, str]) -> None:
    """Tables are found by listing their folder: one more, another, and none again."""
    path = package / "report" / "tables" / "of_one_file.py"
    before = unedited
    path.write_text("ENTRIES = ()\n")
    added = digests(package)
    path.write_text("ENTRIES = (1,)\n")
    changed = digests(package)
    path.unlink()
    shown = {"page", "tables", "index_page"}
    assert {name for name in before if before[name] != added[name]} == shown
    assert {name for name in before if added[name] != changed[name]} == shown
    assert digests(package) == before


CONFIG = """
experiment: one
sources: {pydoc: {kind: pydoc}}
datasets: {data: {source: pydoc, packages: [rich]}}
backbones:
  said: {source: hub, id: a/b, revision: "1", model_type: roberta}
  renamed: {source: hub, id: a/b, revision: "1", model_type: new}
  larger: {source: inflate, of: said, factor: 2.0}
  unsaid: {source: hub, id: a/b, revision: "1"}
recipes: {quick: {}}
experiments:
  one: {title: One, recipe: quick, train_on: data, in_domain: [data], grid: [{backbones: [said], scales: [4]}]}
"""


def test_of_a_model_of_the_hub_the_type_is_known_where_it_is_said() -> None:
    config = build_config(yaml.safe_load(CONFIG))
    types = {name: model_type(config, {"backbone": name}) for name in config.model.backbones}
    assert types == {"said": "roberta", "renamed": "gte", "larger": "roberta", "unsaid": None}
    assert model_type(config, {"run": "quick/said/k4/seed1", "dataset": "data"}) == "roberta"
    for stage in ("backbone", "rescale", "train"):
        names = {"backbone": "said", "variant": "k4"} if stage != "train" else {"run": "quick/said/k4/seed1"}
        assert job_code(config, stage, names) == code_digest(stage, "roberta") != code_digest(stage, "bert")


def test_every_model_of_the_hub_to_be_trained_says_its_type() -> None:
    config = load_config([ROOT.parents[1] / "config.yaml"])
    hub = [name for name, entry in config.model.backbones.items() if entry.source == "hub" and not entry.trained]
    assert hub and all(model_type(config, {"backbone": name}) in FAMILIES for name in hub)
