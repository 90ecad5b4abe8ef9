"""The digest of a stage's code changes with meaning and only with it."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from rescalade.errors import UserError
from rescalade.pipeline.digest import ROOT, _family_rows, _kept, _module, code_digest, reachable
from rescalade.pipeline.graph import STAGES, Stage

ENTRY = "rescalade.retrieval.index_stage"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of its own: the entry imports b at the top and c inside a function; d is not imported."""
    root = tmp_path / "rescalade"
    (root / "retrieval").mkdir(parents=True)
    files = {
        "__init__": "",
        "retrieval/__init__": "FLAG = 1",
        "retrieval/index_stage": "from rescalade import b\n\ndef f():\n    from .c import g\n    return g() + b.x\n",
        "retrieval/c": "from .. import e\n\ndef g():\n    '''Says one.'''\n    return 1\n",
        "b": "import json\nx = 1\n",
        "d": "x = 1\n",
        "e": "class C:\n    '''Doc.'''\n    y: int = Field(1, description='words')\n    '''About y.'''\n",
    }
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    return root


def digest(root: Path) -> str:
    _module.cache_clear()  # one process of the pipeline reads a file once; here it changes in between
    return code_digest("index", root=root)


def change(root: Path, name: str, old: str, new: str) -> None:
    path = root / f"{name}.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_imports_are_followed(package: Path) -> None:
    assert reachable(ENTRY, package) == {
        "rescalade",
        "rescalade.retrieval",
        "rescalade.retrieval.index_stage",
        "rescalade.retrieval.c",
        "rescalade.b",
        "rescalade.e",
    }


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("retrieval/c", "Says one.", "Returns one."),
        ("retrieval/c", "return 1", "return   1  # one"),
        ("e", "Doc.", "Documentation."),
        ("e", "About y.", "On y."),
        ("e", "'words'", "'other words'"),
        ("d", "x = 1", "x = 2"),
    ],
)
def test_what_does_not_count(package: Path, name: str, old: str, new: str) -> None:
    before = digest(package)
    change(package, name, old, new)
    assert digest(package) == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("retrieval/c", "return 1", "return 2"),
        ("retrieval/__init__", "FLAG = 1", "FLAG = 2"),
        ("e", "Field(1", "Field(2"),
        ("b", "x = 1", "x = 1.0"),
        ("retrieval/index_stage", "b.x", "b.y"),
    ],
)
def test_what_counts(package: Path, name: str, old: str, new: str) -> None:
    before = digest(package)
    change(package, name, old, new)
    assert digest(package) != before


def test_the_configuration_counts_for_reports_only(package: Path) -> None:
    """Its effect reaches the other stages as settings; a new key must train nothing again."""
    (package / "config").mkdir()
    (package / "config" / "__init__.py").write_text("x = 1\n")
    (package / "report" / "tables").mkdir(parents=True)
    for path in (package / "b.py", package / "report" / "tables" / "tables.py"):
        path.write_text("import rescalade.config\n")

    def both() -> tuple[str, str]:
        return digest(package), code_digest("tables", root=package)

    before = both()
    change(package, "config/__init__", "x = 1", "x = 2")
    after = both()
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_circular_imports_end(package: Path) -> None:
    (package / "b.py").write_text("import rescalade.retrieval.index_stage\n")
    assert "rescalade.b" in reachable(ENTRY, package)


def test_a_missing_entry_is_named(package: Path) -> None:
    with pytest.raises(UserError, match=r"rescalade\.training\.train_stage is missing"):
        code_digest("train", root=package)


def test_an_unknown_stage_is_named() -> None:
    with pytest.raises(UserError, match="unknown stage 'trian'"):
        code_digest("trian")


def test_a_broken_module_is_named(package: Path) -> None:
    (package / "b.py").write_text("x = (\n")
    with pytest.raises(UserError, match=r"b\.py, line 1: not valid Python"):
        digest(package)


@pytest.mark.parametrize("row", STAGES.values(), ids=STAGES)
def test_every_stage_is_one_function(row: Stage) -> None:
    module, _, function = row.run.partition(":")
    assert f"def {function}(settings: " in (ROOT.parent / Path(*module.split("."))).with_suffix(".py").read_text()


def test_stages_do_not_share_one_digest() -> None:
    """If they did, a stage would reach everything, and any change would make everything run again."""
    modules = {row.run.partition(":")[0] for row in STAGES.values()}
    assert len({code_digest(stage) for stage in STAGES}) == len(modules)


def test_no_module_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each Snakemake call makes the digests of all stages, and each job in a cluster; reading is what takes time."""
    read: list[str] = []
    plain = ast.parse

    def counted(source: bytes, filename: str, *more: str) -> ast.Module:
        read.append(filename)
        return plain(source, filename, *more)

    monkeypatch.setattr("rescalade.pipeline.digest.ast.parse", counted)
    root = tmp_path / "rescalade"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns("__pycache__"))
    _module.cache_clear()
    for stage in STAGES:
        code_digest(stage, root=root)
    assert len(read) == len(set(read)) > 100
    found = [code_digest(stage, root=root) for stage in STAGES]
    read.clear()
    _module.cache_clear()
    _kept.cache_clear()  # as another process
    assert [code_digest(stage, root=root) for stage in STAGES] == found
    assert read == [], "what they say is kept beside them"


def test_what_is_kept_may_be_damaged(package: Path) -> None:
    before = digest(package)
    (kept,) = (package / "__pycache__").glob("digests.*.json")
    for text in ("{", "[]"):
        kept.write_text(text)
        _kept.cache_clear()
        assert digest(package) == before


def test_imports_for_type_checkers_do_not_count(package: Path) -> None:
    before = digest(package)
    change(package, "retrieval/c", "return 1", "return 1\n\nif TYPE_CHECKING:\n    from rescalade.d import x\n")
    assert digest(package) == before


def test_messages_do_not_count(package: Path) -> None:
    text = "if x:\n    logger.info('%d', 1)\n    raise UserError(f'{x} is wrong')\n"
    (package / "retrieval" / "c.py").write_text(f"from .. import e\n\ndef g():\n    return 1\n\n{text}")
    before = digest(package)
    change(package, "retrieval/c", "is wrong", "is not right; mend it")
    change(package, "retrieval/c", "'%d', 1", "'%d of %d', 1, 2")
    assert digest(package) == before
    change(package, "retrieval/c", "if x", "if not x")
    assert digest(package) != before


ROWS = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Family:
    decoder: str
    norm: str | None = None

FAMILIES = {"bert": Family("cls"), "modernbert": Family("decoder", "norm")}
"""


def test_of_the_head_families_only_the_own_row_counts(package: Path) -> None:
    (package / "models").mkdir()
    (package / "models" / "__init__.py").write_text("")
    (package / "models" / "families.py").write_text(ROWS)
    (package / "b.py").write_text("from rescalade.models.families import FAMILIES\nx = 1\n")

    def of(model_type: str | None) -> str:
        _module.cache_clear()
        _family_rows.cache_clear()
        return code_digest("index", model_type, root=package)

    bert, modernbert, unknown = of("bert"), of("modernbert"), of(None)
    assert len({bert, modernbert, unknown}) == 3
    change(package, "models/families", '{"bert"', '{"roberta": Family("lm_head"), "bert"')
    change(
        package,
        "models/families",
        "    norm: str | None = None",
        "    norm: str | None = None\n    causal: bool = False",
    )
    assert (of("bert"), of("modernbert")) == (bert, modernbert)
    assert of(None) != unknown, "it may be any of them"
    change(package, "models/families", 'Family("cls")', 'Family("cls", "norm")')
    assert of("bert") != bert and of("modernbert") == modernbert
