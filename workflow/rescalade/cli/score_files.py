"""`rescalade score FILE --qrels FILE`: any run by any judgements, without a data set."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from rescalade.errors import UserError
from rescalade.scoring.measures import USUAL

if TYPE_CHECKING:
    from rescalade.scoring.measures import Measure

MEASURES = ",".join(USUAL)
"""What is computed where nothing else is asked for."""


def score_files(run: Path, qrels: Path, measures: str, minimum_grade: int, repeated: str, *, as_data: bool) -> None:
    """Score a TREC run file by a file of judgements and print the means over the judged queries.

    Raises:
        UserError: a file cannot be read, a measure is unknown, or the run answers none of the judged queries.
    """
    from rescalade.scoring.given_run import read_given_run
    from rescalade.scoring.score import score_queries, summarise

    asked = named_measures(measures)
    if not asked:
        raise UserError(f"--measures: at least one measure is expected, such as {MEASURES}")
    found, judged = read_given_run(run), _judged(qrels, repeated)
    answered = [query for query in judged if query in found.hits]
    if not answered:
        raise UserError(
            f"{run}: none of its {len(found.hits)} queries is judged in {qrels} ({next(iter(found.hits))!r} is not); "
            "name the judgements of these queries"
        )
    values = score_queries(judged, found.hits, asked, minimum_grade)
    means, _ = summarise(values, {})
    counts = {
        "queries": len(values),
        "without_hits": len(judged) - len(answered),
        "without_relevant": sum(max(grades.values()) < minimum_grade for grades in judged.values()),
        "not_judged": sum(query not in judged for query in found.hits),
        "ties": found.ties,
    }
    if as_data:
        typer.echo(json.dumps({"run": str(run), "qrels": str(qrels), "measures": means, **counts}, indent=1))
        return
    width = max(map(len, means))
    lines = [f"{name:<{width}}  {value:.4f}" for name, value in means.items()]
    words = {
        "queries": "judged queries, over which the means are",
        "without_hits": "of them have no hit in the run and count as 0",
        "without_relevant": f"of them have no document of grade {minimum_grade} or more",
        "not_judged": "queries of the run have no judgement and do not count",
        "ties": "hits have the score of the hit before them; the rank column decides",
    }
    lines += [f"{count} {words[name]}" for name, count in counts.items() if count or name == "queries"]
    typer.echo("\n".join(lines))


def named_measures(text: str) -> list[Measure]:
    """The measures that --measures names, commas between.

    Raises:
        UserError: there is no such measure.
    """
    from rescalade.scoring.measures import measure

    try:
        return [measure(name.strip()) for name in text.split(",") if name.strip()]
    except ValueError as error:
        raise UserError(f"--measures: {error}") from None


def _judged(path: Path, repeated: str) -> dict[str, dict[str, int]]:
    """Grades by query and document, of repeated judgements the one that the rule says.

    Raises:
        UserError: the file cannot be read, holds no judgement, or the rule is unknown.
    """
    from rescalade.data.judgements import repeated_rule, used_judgements
    from rescalade.data.places import Places, What
    from rescalade.data.sources.files import judgement_rows
    from rescalade.texts.text_lines import Place

    rule = repeated_rule(repeated)
    rows = list(judgement_rows(path))

    def where(what: What, **fields: str) -> Sequence[Place]:
        return [place for place, item in rows if all(getattr(item, key) == value for key, value in fields.items())]

    places = Places(str(path), where)
    used, _ = used_judgements((item for _, item in rows), {}, rule, places)
    judged: dict[str, dict[str, int]] = {}
    for query, document, grade in used:
        judged.setdefault(query, {})[document] = grade
    if not judged:
        raise UserError(f"{path}: no judgement is in it; expected lines of query, document and grade, or TREC's four")
    return judged
