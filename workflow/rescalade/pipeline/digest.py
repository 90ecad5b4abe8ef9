"""Digest of the code behind each stage: what it means, not how it is written.

It covers the syntax trees of the module with the stage's function `run_STAGE` and of every module of this package that
it imports, directly or through others. Comments, formatting, docstrings, descriptions of fields, messages of errors and
lines of the log do not count; anything else does. A module that imports `pkgutil` counts as importing all others of its
folder.

What a module says is kept beside the package by the digest of its bytes, since taking its tree apart takes a hundred
times as long as looking it up.

Of the head families only the row of the model type at hand counts, so that a new family makes no other model again.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from rescalade.atomic import atomic_file
from rescalade.errors import UserError
from rescalade.pipeline.graph import stage

PACKAGE = "rescalade"
ROOT = Path(__file__).resolve().parents[1]

NOT_FOLLOWED = (
    "catalogue",
    "cli",
    "config",
    "data.protocol",
    "errors",
    "models.published_norm",
    "paths",
    "pipeline",
    "progress",
    "published",
    "stage",
)
"""Modules and packages that are neither counted nor followed. What configuration and graph decide reaches a stage as
its settings and files, which are parameters of their own; progress and errors change no result; what is published stops
a stage or lets it go on. Only the reporting stages count them all: those show configuration and published numbers
themselves, and are cheap."""
REPORTING = {
    "tables": ("rescalade/catalogue/published/*",),
    "figures": ("rescalade/catalogue/published/*",),
    "report": ("rescalade/catalogue/published/*", "rescalade/report/templates/*"),
}
"""Kinds of stage that count everything, and the files beside the package that belong to their meaning."""
FAMILIES = f"{PACKAGE}.models.families"
"""A table, of which a stage has one row."""
BLOCKS = (
    ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef, ast.If, ast.For, ast.While, ast.With, ast.Try,
    ast.ExceptHandler,
)  # fmt: skip
LOGGERS = ("log", "logger")
LEVELS = ("debug", "info", "warning", "error")


def code_digest(name: str, model_type: str | None = None, also: Sequence[str] = (), root: Path = ROOT) -> str:
    """Digest of all code that a stage can reach.

    Args:
        name: a rule of the graph.
        model_type: of the backbone that the stage works on; where it is not known, every head family counts.
        also: further modules in which its code begins, those of a kind of source.
        root: folder of the package `rescalade`.

    Returns:
        16 hexadecimal digits.

    Raises:
        UserError: the stage is unknown, its module is missing, or a module is not valid Python.
    """
    row = stage(name)
    reporting = REPORTING.get(row.kind)
    begin = row.run.partition(":")[0]  # and not the function: a shard is the same whichever rule makes it
    digest = hashlib.sha256(begin.encode())
    leave_out = NOT_FOLLOWED if reporting is None else ("cli",)
    for module in sorted(set().union(*(_reached(entry, root, leave_out) for entry in (begin, *also)))):
        part = _families(root, model_type) if module == FAMILIES and reporting is None else _module(root, module)[0]
        digest.update(f"{module}:{part}\n".encode())
    for pattern in reporting or ():
        for path in sorted(root.parent.glob(pattern)):
            digest.update(f"{path.name}:{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    _kept(root).write()
    return digest.hexdigest()[:16]


def reachable(entry: str, root: Path = ROOT, leave_out: Sequence[str] = NOT_FOLLOWED) -> set[str]:
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
        if name in seen or _left_out(name, leave_out):
            continue
        seen.add(name)
        waiting.extend(_module(root, name)[1] - seen)
    return seen


_reached = cache(reachable)
"""Once in a process for each entry: a stage is asked for with every kind of model."""


def _left_out(name: str, leave_out: Sequence[str]) -> bool:
    inner = name.removeprefix(f"{PACKAGE}.")
    return any(inner == each or inner.startswith(f"{each}.") for each in leave_out)


@cache
def _file(root: Path, name: str) -> Path | None:
    """Source file of a module of the package; None where the name is no module (a function, say). Looked for once."""
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
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    key = hashlib.sha256(f"{package}\0".encode() + text).hexdigest()
    kept = _kept(root)
    if key not in kept.said:
        kept.add(key, _said(path, text, package))
    digest, lists_folder, *names = kept.said[key]
    named = set(names)
    if lists_folder:
        named |= {f"{package}.{other.stem}" for other in path.parent.glob("[!_]*.py")}
    parents = {name.rsplit(".", depth)[0] for depth in range(1, name.count(".") + 1)}
    return digest, frozenset(module for module in named | parents if _file(root, module) is not None)


def _said(path: Path, text: bytes, package: str) -> list[str]:
    """Digest of a module's tree, `pkgutil` where it imports that or nothing, and the names that it imports."""
    try:
        tree = ast.parse(text, filename=str(path))
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: not valid Python: {error.msg}") from None
    _drop(tree, _is_type_checking)
    nodes = list(ast.walk(tree))
    named = {module for node in nodes for module in _imports(node, package)}
    lists_folder = "pkgutil" if any(_lists_folder(node) for node in nodes) else ""
    _drop_words(nodes)
    return [hashlib.sha256(ast.dump(tree).encode()).hexdigest(), lists_folder, *sorted(named)]


class _Kept:
    """What modules say, by the digest of their package's name and their bytes, in a file that can be deleted."""

    def __init__(self, path: Path) -> None:
        self._path, self._new = path, False
        self.said: dict[str, list[str]] = {}
        with suppress(OSError, ValueError):  # it is not there yet, or damaged
            found = json.loads(path.read_bytes())
            if isinstance(found, dict):
                self.said = found

    def add(self, key: str, said: list[str]) -> None:
        """Keep what a module says."""
        self.said[key] = said
        self._new = True

    def write(self) -> None:
        """Write the file if there is something new, in place of those of other versions of this module."""
        if not self._new:
            return
        self._new = False
        with suppress(OSError):  # an installation that is not the user's
            for other in self._path.parent.glob(f"digests.{sys.implementation.cache_tag}.*.json"):
                if other != self._path:
                    other.unlink(missing_ok=True)
            with atomic_file(self._path) as temporary:
                temporary.write_text(json.dumps(self.said))


@cache
def _kept(root: Path) -> _Kept:
    """Of a package: one file for each version of Python, whose trees differ, and of this module, which reads them."""
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    return _Kept(root / "__pycache__" / f"digests.{sys.implementation.cache_tag}.{version}.json")


def _families(root: Path, model_type: str | None) -> str:
    """Digest of the rows of head families that count: what each says beyond the defaults."""
    rows = _family_rows(root)
    chosen = rows if model_type is None else {key: row for key, row in rows.items() if key == model_type}
    said = {
        key: {field.name: repr(value) for field in fields(row) if (value := getattr(row, field.name)) != field.default}
        for key, row in sorted(chosen.items())
    }
    return hashlib.sha256(repr(said).encode()).hexdigest()


@cache
def _family_rows(root: Path) -> dict[str, Any]:
    """The table of head families, by model type; read once per process."""
    spec = importlib.util.spec_from_file_location("rescalade_families", root / "models" / "families.py")
    if spec is None or spec.loader is None:
        raise UserError(f"module {FAMILIES} is missing under {root}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[spec.name]
    rows: dict[str, Any] = module.FAMILIES
    return rows


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


def _lists_folder(node: ast.AST) -> bool:
    """Whether a statement imports `pkgutil`, by which a module finds the others of its folder."""
    return isinstance(node, ast.Import) and any(alias.name == "pkgutil" for alias in node.names)


def _drop_words(nodes: Iterable[ast.AST]) -> None:
    """Remove what is for readers alone.

    Docstrings, strings that stand alone below an assignment, descriptions of pydantic fields, messages of user errors,
    lines of the log.
    """
    for node in nodes:
        if isinstance(node, BLOCKS):
            _drop(node, _is_text, _is_log)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id == "Field":
                node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
            elif node.func.id == "UserError":
                node.args, node.keywords = [], []


def _drop(node: ast.AST, *conditions: Callable[[ast.AST], bool]) -> None:
    """Remove statements for which one of the conditions holds from the bodies of a node."""
    for part in ("body", "orelse", "finalbody"):
        body = getattr(node, part, None)
        if isinstance(body, list):
            setattr(node, part, [item for item in body if not any(condition(item) for condition in conditions)])


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_log(node: ast.AST) -> bool:
    """A statement such as `logger.info(...)`."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return False
    return isinstance(call.func.value, ast.Name) and call.func.value.id in LOGGERS and call.func.attr in LEVELS
