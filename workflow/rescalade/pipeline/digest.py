"""Digest of the code behind each stage: what it means, not how it is written.

The syntax trees of the stage's command, of its entry module and of every module of this package that these import,
directly or through others, without their documentation. Comments, formatting, docstrings and descriptions of fields
do not count; anything else does.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from rescalade.errors import UserError

PACKAGE = "rescalade"
ROOT = Path(__file__).resolve().parents[1]

ENTRIES: dict[str, str] = {
    "source": "rescalade.data.source_stage",
    "collection": "rescalade.data.collection_stage",
    "triples": "rescalade.triples.triples",
    "backbone": "rescalade.backbones.make",
    "audit": "rescalade.audit.audit_text",
    "rescale": "rescalade.rescaling.make",
    "train": "rescalade.training.run",
    "encode": "rescalade.encoding.encode",
    "index": "rescalade.retrieval.index",
    "search": "rescalade.retrieval.search",
    "score": "rescalade.scoring.score",
    "bm25": "rescalade.retrieval.bm25",
    "tables": "rescalade.report.tables.tables",
    "figures": "rescalade.report.figures.figures",
    "report": "rescalade.report.pages.page",
}
"""Module in which each stage begins. Of the command line only the function of that name counts, and what it imports
itself: the rest, like the rules, is glue between configuration, files and this code. The modules of a source's kind
count beside these (see `modules_digest`), so that a new kind of source makes no collection of another kind again."""

GLUE = ("cli", "config", "paths", "pipeline")
"""Modules that are not followed: what they decide reaches a stage as its settings, which are a parameter of their own.
If they counted, a new key of the configuration would train every model again. Only the reporting stages count them:
those show the configuration itself, and are cheap."""

DATA_FILES: dict[str, tuple[str, ...]] = {
    "tables": ("rescalade/catalogue/published/*",),
    "figures": ("rescalade/catalogue/published/*",),
    "report": ("rescalade/catalogue/published/*", "rescalade/report/templates/*"),
}
"""Files beside the package that belong to a stage's meaning and are not Python."""


def code_digest(stage: str, root: Path = ROOT) -> str:
    """Digest of all code that a stage can reach.

    Args:
        stage: a key of ENTRIES.
        root: folder of the package `rescalade`.

    Returns:
        16 hexadecimal digits.

    Raises:
        UserError: the stage is unknown, its entry module is missing, or a module is not valid Python.
    """
    if stage not in ENTRIES:
        raise UserError(f"unknown stage {stage!r}; known: {', '.join(ENTRIES)}")
    command, imported = _command(root, stage)
    digest = hashlib.sha256(command.encode())
    leave_out = () if stage in DATA_FILES else GLUE
    entries = (ENTRIES[stage], *imported)
    for name in sorted({name for entry in entries for name in reachable(entry, root, leave_out)}):
        digest.update(f"{name}:{_module(root, name)[0]}\n".encode())
    for pattern in DATA_FILES.get(stage, ()):
        for path in sorted(root.parent.glob(pattern)):
            digest.update(f"{path.name}:{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def modules_digest(modules: Sequence[str], root: Path = ROOT) -> str:
    """Digest of some modules and all that they can reach: 16 hexadecimal digits."""
    reached = sorted({name for entry in modules for name in reachable(entry, root, GLUE)})
    return hashlib.sha256("".join(f"{name}:{_module(root, name)[0]}\n" for name in reached).encode()).hexdigest()[:16]


def reachable(entry: str, root: Path = ROOT, leave_out: Sequence[str] = ()) -> set[str]:
    """Names of the package's modules that a module imports, itself and packages on the way included.

    Args:
        entry: where to begin.
        root: folder of the package `rescalade`.
        leave_out: modules and packages, named below the package, that are neither counted nor followed.

    Raises:
        UserError: the entry module is missing, or a module is not valid Python.
    """
    if _file(root, entry) is None:
        raise UserError(f"module {entry} is missing: expected {root / Path(*entry.split('.')[1:])}.py")
    seen: set[str] = set()
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in seen or name.removeprefix(f"{PACKAGE}.").split(".")[0] in leave_out:
            continue
        seen.add(name)
        waiting.extend(_module(root, name)[1] - seen)
    return seen


def _file(root: Path, name: str) -> Path | None:
    """Source file of a module of the package; None where the name is no module (a function, say)."""
    path = root.joinpath(*name.split(".")[1:])
    for candidate in (path / "__init__.py", path.with_name(path.name + ".py")):
        if candidate.is_file():
            return candidate
    return None


@cache
def _module(root: Path, name: str) -> tuple[str, frozenset[str]]:
    """Digest of one module's tree and the modules of the package it imports; read once per process."""
    path = _file(root, name)
    if path is None:
        raise UserError(f"module {name} is missing under {root}")
    text = path.read_bytes()
    try:
        tree = ast.parse(text, filename=str(path))
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: not valid Python: {error.msg}") from None
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    if b"TYPE_CHECKING" in text:
        _drop_type_checking(tree)
    nodes = list(ast.walk(tree))
    named = {module for node in nodes for module in _imports(node, package)}
    parents = {name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1)}
    _drop_documentation(nodes)
    modules = frozenset(module for module in named | parents if _file(root, module) is not None)
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), modules


@cache
def _command(root: Path, stage: str) -> tuple[str, frozenset[str]]:
    """Tree of the function that is a stage's command, and the modules of the package imported inside it."""
    for path in sorted((root / "cli").glob("*.py")):
        text = path.read_bytes()
        if f"def {stage}(".encode() not in text:
            continue
        for node in ast.parse(text, filename=str(path)).body:
            if isinstance(node, ast.FunctionDef) and node.name == stage:
                nodes = list(ast.walk(node))
                named = {module for inner in nodes for module in _imports(inner, f"{PACKAGE}.cli")}
                _drop_documentation(nodes)
                return ast.dump(node), frozenset(module for module in named if _file(root, module) is not None)
    return "", frozenset()


def _imports(node: ast.AST, package: str) -> list[str]:
    """Names that an import statement may load; some of them are functions, not modules."""
    if isinstance(node, ast.Import):
        found = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            above = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
            base = f"{above}.{base}" if base else above
        found = [base, *(f"{base}.{alias.name}" for alias in node.names)]
    else:
        return []
    return [name for name in found if name == PACKAGE or name.startswith(f"{PACKAGE}.")]


def _drop_documentation(nodes: Iterable[ast.AST]) -> None:
    """Remove docstrings, strings that stand alone below an assignment, and descriptions of pydantic fields."""
    for node in nodes:
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [item for item in body if not _is_text(item)]  # type: ignore[attr-defined]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]


def _drop_type_checking(tree: ast.AST) -> None:
    """Remove what stands under `if TYPE_CHECKING:`, which no running program ever sees."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [item for item in body if not _is_type_checking(item)]  # type: ignore[attr-defined]


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
