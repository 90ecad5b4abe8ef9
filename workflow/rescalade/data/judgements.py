"""Judgements by the rules that a data set declares: which of repeated ones counts, and which queries stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, get_args

from rescalade.data.places import Places
from rescalade.data.streams import Judgement
from rescalade.errors import UserError, unknown
from rescalade.texts.grades import out_of_bounds
from rescalade.texts.run_ids import unfit

Repeated = Literal["refuse", "first", "best", "last"]


def repeated_rule(text: str) -> Repeated:
    """The rule of that name.

    Raises:
        UserError: there is none.
    """
    for rule in get_args(Repeated):
        if rule == text:
            found: Repeated = rule
            return found
    raise unknown("rule for repeated judgements", text, get_args(Repeated))


def used_judgements(
    given: Iterable[Judgement], gains: Mapping[int, int], rule: Repeated, places: Places
) -> tuple[list[Judgement], int]:
    """One judgement of each query and document, with the grade that is used, in the order of the first of each.

    Args:
        gains: grade that is used by grade of the source; others stay as they are.
        rule: which of several judgements of one query and document counts; best: the largest grade that is used.

    Returns:
        The judgements, and how many others were given of the same query and document.

    Raises:
        UserError: a pair is judged twice and the rule is to refuse that, or a grade is out of bounds.
    """
    found: dict[tuple[str, str], Judgement] = {}
    lines = 0
    for query, document, grade in given:
        lines += 1
        pair, used = (query, document), gains.get(grade, grade)
        if (mistake := out_of_bounds(used)) is not None:
            place = places.at("judgements", query=query, document=document)
            raise UserError(f"{place}: {mistake}; datasets.{places.name}.gains gives a grade another value")
        for what, identity in (("query", query), ("document", document)):
            if (mistake := unfit(identity)) is not None:
                place = places.at("judgements", query=query, document=document)
                raise UserError(f"{place}: {what} id {identity!r} {mistake}; rename it")
        before = found.get(pair)
        if before is None:
            found[pair] = Judgement(query, document, used)
        elif rule == "refuse":
            shown = f"of query {query!r} and document {document!r}"
            raise UserError(
                f"{places.twice('judgements', shown, query=query, document=document)}; give one, or say which counts: "
                f"datasets.{places.name}.repeated_judgements: first, best or last"
            )
        elif rule == "last" or (rule == "best" and used > before.grade):
            found[pair] = Judgement(query, document, used)
    return list(found.values()), lines - len(found)


def queries_without_relevant(judgements: Iterable[Judgement]) -> set[str]:
    """Ids of the judged queries none of whose grades is 1 or more."""
    best: dict[str, int] = {}
    for query, _, grade in judgements:
        best[query] = max(grade, best.get(query, grade))
    return {query for query, grade in best.items() if grade < 1}
