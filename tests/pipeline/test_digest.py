"""The digest of a stage's code changes with meaning and only with it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from rescalade.errors import UserError
from rescalade.pipeline.digest import ENTRIES, GLUE, ROOT, _command, _module, code_digest, reachable

ENTRY = ENTRIES["index"]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package of its own: the entry imports b at the top and c inside a function; d is not imported."""
    root = tmp_path / "rescalade"
    (root / "retrieval").mkdir(parents=True)
    files = {
        "__init__": "",
        "retrieval/__init__": "FLAG = 1",
        "retrieval/index": "from rescalade import b\n\ndef f():\n    from .c import g\n    return g() + b.x\n",
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
    _command.cache_clear()
    return code_digest("index", root)


def change(root: Path, name: str, old: str, new: str) -> None:
    path = root / f"{name}.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_imports_are_followed(package: Path) -> None:
    assert reachable(ENTRY, package) == {
        "rescalade",
        "rescalade.retrieval",
        "rescalade.retrieval.index",
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
        ("retrieval/index", "b.x", "b.y"),
    ],
)
def test_what_counts(package: Path, name: str, old: str, new: str) -> None:
    before = digest(package)
    change(package, name, old, new)
    assert digest(package) != before


def test_the_command_counts_and_what_it_imports(package: Path) -> None:
    (package / "cli").mkdir()
    text = "def index():\n    'Doc.'\n    from rescalade.d import x\n    return x\n\ndef search():\n    return 1\n"
    (package / "cli" / "commands.py").write_text(text)
    first = digest(package)
    change(package, "cli/commands", "Doc.", "Words.")
    change(package, "cli/commands", "return 1", "return 2")
    assert digest(package) == first
    change(package, "d", "x = 1", "x = 2")
    second = digest(package)
    assert second != first
    change(package, "cli/commands", "return x", "return -x")
    assert digest(package) != second


def test_the_configuration_counts_for_reports_only(package: Path) -> None:
    """Its effect reaches the other stages as settings; a new key must train nothing again."""
    (package / "config").mkdir()
    (package / "config" / "__init__.py").write_text("x = 1\n")
    (package / "report" / "tables").mkdir(parents=True)
    for path in (package / "b.py", package / "report" / "tables" / "tables.py"):
        path.write_text("import rescalade.config\n")

    def both() -> tuple[str, str]:
        return digest(package), code_digest("tables", package)

    before = both()
    change(package, "config/__init__", "x = 1", "x = 2")
    after = both()
    assert after[0] == before[0]
    assert after[1] != before[1]


@pytest.mark.parametrize("stage", ENTRIES)
def test_every_stage_has_a_command(stage: str) -> None:
    assert _command(ROOT, stage.partition("_")[0])[0], "a kind of source belongs to the command of its stage"


def test_circular_imports_end(package: Path) -> None:
    (package / "b.py").write_text("import rescalade.retrieval.index\n")
    assert "rescalade.b" in reachable(ENTRY, package)


def test_a_missing_entry_is_named(package: Path) -> None:
    with pytest.raises(UserError, match=r"rescalade\.training\.run is missing"):
        code_digest("train", package)


def test_an_unknown_stage_is_named() -> None:
    with pytest.raises(UserError, match="unknown stage 'trian'"):
        code_digest("trian")


def test_a_broken_module_is_named(package: Path) -> None:
    (package / "b.py").write_text("x = (\n")
    with pytest.raises(UserError, match=r"b\.py, line 1: not valid Python"):
        digest(package)


@pytest.mark.parametrize("stage", ENTRIES)
def test_every_entry_exists(stage: str) -> None:
    assert ENTRIES[stage] in reachable(ENTRIES[stage])


def test_stages_do_not_share_one_digest() -> None:
    """If they did, a stage would reach everything, and any change would make everything run again."""
    assert len({code_digest(stage) for stage in ENTRIES}) == len(ENTRIES)
    assert "rescalade.training.run" not in reachable(ENTRIES["index"])
    assert "rescalade.report.pages.page" not in reachable(ENTRIES["train"])


def test_no_module_is_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each Snakemake call makes the digests of all stages, and each job in a cluster; reading is what takes time."""
    read: list[str] = []
    plain = ast.parse

    def counted(source: bytes, filename: str) -> ast.Module:
        read.append(filename)
        return plain(source, filename=filename)

    monkeypatch.setattr("rescalade.pipeline.digest.ast.parse", counted)
    _module.cache_clear()
    for stage in ENTRIES:
        code_digest(stage, ROOT)
    modules = [name for name in read if "/cli/" not in name]  # of those only one function is looked for
    assert len(modules) == len(set(modules)) > 100


def test_no_stage_of_the_models_depends_on_reports_and_commands() -> None:
    """A colour of a chart or the words of a model card must train nothing again."""
    for stage in ("backbone", "audit", "rescale", "train", "encode", "index", "search"):
        entries = (ENTRIES[stage], *_command(ROOT, stage)[1])
        reached = {name for entry in entries for name in reachable(entry, ROOT, GLUE)}
        assert not [name for name in reached if name.split(".")[1:2] in (["report"], ["cli"])], stage
        assert stage == "rescale" or "rescalade.rescaling.card" not in reached
        if stage not in ("audit", "rescale"):
            assert not reached & {"rescalade.audit.risk", "rescalade.audit.choose", "rescalade.texts.audit_sample"}


def test_imports_for_type_checkers_do_not_count(package: Path) -> None:
    before = digest(package)
    change(package, "retrieval/c", "return 1", "return 1\n\nif TYPE_CHECKING:\n    from rescalade.d import x\n")
    assert digest(package) == before
