"""The one table of measures: which there are is what ir_measures knows, how they are called and counted is said here.

A name is written as ir_measures writes it: `nDCG@20`, `AP`, `P(rel=2)@10`. RR and R are shown as MRR and Recall.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from rescalade.errors import nearest

if TYPE_CHECKING:
    import ir_measures

SHOWN = {"RR": "MRR", "R": "Recall"}
"""Names that differ from ir_measures' own; it knows them as other spellings of the same."""
COUNTS = ("NumQ", "NumRel", "NumRet")
"""Totals over all queries, which say nothing of a query's ranking."""
ALWAYS = ("MRR@10", "nDCG@10")
RECALL_CUTS = (100, 1000)
USUAL = (*reversed(ALWAYS), *(f"Recall@{cut}" for cut in RECALL_CUTS))
"""What people compare systems by, whatever the data set's own measure is."""
EXAMPLES = "nDCG@10, AP or P(rel=2)@10"


@dataclass(frozen=True)
class Measure:
    """One measure; the larger its value, the better.

    Attributes:
        name: as shown, and its key in scores and per-query files.
        cut: rank down to which it looks, None where that is the whole list.
        graded: takes judgements by their grade; otherwise documents count from some grade on.
        default: value of a judged query without hits, or of one that the measure is not defined for.
        rel: grade from which documents count, where the name says one.
    """

    name: str
    cut: int | None
    graded: bool
    default: float
    rel: int | None
    _base: ir_measures.Measure = field(repr=False, compare=False)

    @property
    def short(self) -> str:
        """For the head of a column: R@1000 instead of Recall@1000."""
        return self.name.replace("Recall", "R", 1)

    def counted_from(self, minimum_grade: int) -> ir_measures.Measure:
        """What computes it, with documents relevant from `minimum_grade` on unless the name says a grade."""
        return self._base if self.graded or self.rel is not None else self._base(rel=minimum_grade)


class Asked(Protocol):
    """What a data set says of its measures: the main one, further ones, and how deep it is searched."""

    @property
    def metric(self) -> str: ...  # noqa: D102
    @property
    def measures(self) -> Sequence[str]: ...  # noqa: D102
    @property
    def depth(self) -> int: ...  # noqa: D102


def scored(dataset: Asked) -> list[Measure]:
    """Measures that a ranking is scored by: the usual ones that its depth allows, the main one, those asked for."""
    recall = [f"Recall@{cut}" for cut in RECALL_CUTS if cut <= dataset.depth]
    return _each([*ALWAYS, *recall, dataset.metric, *dataset.measures])


def tabulated(dataset: Asked) -> list[Measure]:
    """Measures that a table shows: as `scored`, but of the usual recalls only the deepest."""
    recall = [f"Recall@{cut}" for cut in RECALL_CUTS if cut <= dataset.depth][-1:]
    return _each([*ALWAYS, *recall, dataset.metric, *dataset.measures])


COMPUTED = ("nDCG", "R", "RR", "AP", "P", "Success")
"""Names in ir_measures of what pytrec_eval computes, which is installed with this package. Asking whether it is there
loads it, and NumPy, in every command that reads a configuration."""


@cache
def measure(text: str) -> Measure:
    """A measure by its name.

    Raises:
        ValueError: there is no such measure, it does not take what is said in brackets or after @, or nothing that
            is installed computes it. The message is made to stand behind a place in a file.
    """
    name, given, at = _parts(text)
    from ir_measures.measures import registry

    if name not in registry:
        raise ValueError(f"unknown measure {text!r}; {_meant(text, name, registry)}")
    base = registry[name]
    if at is not None:
        given[base.AT_PARAM] = at
    if base.NAME in COUNTS:
        raise ValueError(
            f"{text} is a total over all queries, not a measure of a ranking; expected one like {EXAMPLES}"
        )
    params = _checked(text, base, given)
    theirs, at = base(**params), params.pop(base.AT_PARAM, None)
    shown = SHOWN.get(base.NAME, base.NAME)
    if params:
        shown += f"({','.join(f'{key}={value!r}' for key, value in params.items())})"
    shown += "" if at is None else f"@{at}"
    graded = "rel" not in base.SUPPORTED_PARAMS
    found = Measure(shown, theirs.params.get("cutoff"), graded, float(base.DEFAULT), params.get("rel"), theirs)
    if base.NAME not in COMPUTED or params.keys() - {"rel"}:
        _check_computable(text, found.counted_from(1))
    return found


def _each(names: Sequence[str]) -> list[Measure]:
    return list({found.name: found for found in map(measure, names)}.values())


def _parts(text: str) -> tuple[str, dict[str, Any], int | float | None]:
    """Name, what stands in brackets, what stands after @."""
    at, given = None, {}
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            at, node = ast.literal_eval(node.right), node.left
        if isinstance(node, ast.Call) and not node.args:
            given = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords}
            node = node.func
    except (SyntaxError, ValueError):
        node = None
    if not isinstance(node, ast.Name):
        raise ValueError(f"{text!r} is not written like a measure; expected one like {EXAMPLES}")
    return node.id, given, at


def _checked(text: str, base: ir_measures.Measure, given: dict[str, Any]) -> dict[str, Any]:
    for key in given:
        if key not in base.SUPPORTED_PARAMS:
            where = "nothing after @" if key == base.AT_PARAM else f"no {key}; {nearest(key, base.SUPPORTED_PARAMS)}"
            raise ValueError(f"{text}: {base.NAME} takes {where}")
    found = {}
    for key, info in base.SUPPORTED_PARAMS.items():
        if key not in given and key not in base.params:
            if info.required:
                how = "a number after @" if key == base.AT_PARAM else key
                raise ValueError(f"{text}: {base.NAME} needs {how}: {info.desc}")
            continue
        value: Any = given.get(key, base.params.get(key))
        if info.dtype is float and isinstance(value, int):
            value = float(value)
        odd = isinstance(value, bool) != (info.dtype is bool)  # to Python True is a number
        if odd or not info.validate(value) or (key == "cutoff" and value < 1):
            raise ValueError(f"{text}: {value!r} is no {info.desc}")
        if value != info.default or key == "rel":  # a grade that is said holds whatever the data set's is
            found[key] = value
    return found


def _check_computable(text: str, found: ir_measures.Measure) -> None:
    from ir_measures import DefaultPipeline

    if not DefaultPipeline.supports(found):
        ways = [provider.install_instructions() for provider in DefaultPipeline.providers if provider.supports(found)]
        need = " or ".join(way for way in ways if way)
        raise ValueError(f"{text} needs another program: {need}" if need else f"{text}: nothing computes it")


def _meant(text: str, name: str, known: Iterable[str]) -> str:
    """The nearest name, whatever the case: ndcg@10 is near nDCG@10."""
    lower = {other.lower(): other for other in sorted(known)}
    close = difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
    return f"did you mean {text.replace(name, lower[close[0]], 1)!r}?" if close else nearest(name, known)
