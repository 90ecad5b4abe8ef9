"""`rescalade search` with a file of questions: a run file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rescalade.cli.run_places import is_file
from rescalade.errors import UserError

if TYPE_CHECKING:
    from rescalade.encoding.encoder import Encoder
    from rescalade.retrieval.index import InvertedIndex
    from rescalade.scoring.runfile import Hit
    from rescalade.texts.text_parts import Texts

DEPTH = 1000
"""Documents of each question, where nothing else is said: what the measures of a run file are usual for."""
SLICE_QUERIES = 4096
"""Questions that are encoded together."""


def is_questions(text: str) -> bool:
    """Whether there is a file of that name, of a kind that holds texts."""
    from rescalade.texts.named_rows import kind_of

    return is_file(text) and kind_of(Path(text)) is not None


def questions_file(text: str, out: Path | None) -> Path | None:
    """The file of questions that was meant; None for words.

    Raises:
        UserError: a file without --out, --out without a file, or one word that is called like a file and is none.
    """
    from rescalade.texts.named_rows import kind_of

    if out is not None:
        if not is_file(text):
            raise UserError(f"{text[:80]!r}: there is no such file of questions, for which --out is")
        return Path(text)
    if is_questions(text):
        raise UserError(f"{text} is a file; name the run file for its questions by --out RUN.trec or RUN.trec.gz")
    if text.split() == [text] and kind_of(Path(text)) is not None:
        raise UserError(f"{text}: there is no such file of questions")
    return None


def write_answers(
    encoder: Encoder, index: InvertedIndex, questions: Texts, out: Path, *, depth: int, threads: int, tag: str
) -> int:
    """Search for every question and write a run file, gzipped where its name ends in .gz; returns how many have no hit.

    Args:
        depth: documents of each. tag: last column of the run file; white space in it becomes a dash.

    Raises:
        UserError: the model gives weights that are not finite, or an id holds white space.
    """
    from rescalade.retrieval.ranker import Ranker
    from rescalade.scoring.runfile import write_run

    ranker, empty = Ranker(index, depth, threads=threads), 0

    def rankings() -> Iterator[tuple[str, list[Hit]]]:
        nonlocal empty
        for first in range(0, questions.count, SLICE_QUERIES):
            ids, texts = questions.read(first, min(first + SLICE_QUERIES, questions.count))
            vectors, tally = encoder.encode(ids, encoder.tokens(texts, queries=True), lambda _: None, queries=True)
            if tally.broken:
                raise UserError(f"{tally.broken} questions: the model gives weights that are not finite; it is broken")
            for question, hits in ranker.rankings(vectors):
                empty += not hits
                yield question, hits

    write_run(out, rankings(), re.sub(r"\s+", "-", tag.strip()) or "run")
    return empty
