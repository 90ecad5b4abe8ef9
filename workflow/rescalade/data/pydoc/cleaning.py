"""From a docstring to its summary and the sentences of the rest."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from rescalade.data.pydoc.markup import plain
from rescalade.data.pydoc.prose import prose_lines

_FIELD = re.compile(
    r"^(\s*):(param|parameter|arg|argument|keyword|type|return|returns|rtype|raises|raise|ivar|var)\b *([^:]*): *"
)
_BULLET = re.compile(r"^\s*(?:[-*+\u2022]|\d+[.)]|#\.)\s+")
_HEADING = re.compile(
    r"^\s*(?:Args|Arguments|Parameters|Params|Other Parameters|Keyword Args|Keyword Arguments|Returns?|Raises|Yields|"
    r"Inputs?|Outputs?|Examples?|Usage|Notes?|Attributes|Methods|Shape|See Also|References?|Warnings?|Warns)"
    r"\s*:{0,2}\s*$",
    re.IGNORECASE,
)
# Lists of other functions with their summaries, which are other pairs' queries, and bibliographies.
_DROPPED_SECTION = re.compile(r"^(?:See Also|References?):{0,2}$", re.IGNORECASE)
_SIGNATURE = re.compile(r"\A[\w.]+ ?\((?:[^()]|\([^()]*\))*\)(?: *->[^\n]*)?[ \t]*(?:\n|\Z)")
_ABBREVIATIONS = "".join(rf"(?<!\b{word}\.)" for word in ("e\\.g", "i\\.e", "etc", "vs", "cf", "al", "resp", "approx"))
_SENTENCE_END = re.compile(
    # A sentence may begin with the name of a variable, so a small letter counts too after a whole word.
    rf"(?<=[.!?]){_ABBREVIATIONS}\s+(?=[\"'(]?[A-Z])|(?<=[a-z]{{3}}\.){_ABBREVIATIONS}\s+(?=[a-z])"
)


def summary_and_rest(docstring: str) -> tuple[str, list[str]]:
    """Divide a docstring into its one-line summary and the sentences that follow.

    The summary is the first sentence of the first paragraph; a signature in front of it is left out, as compiled
    functions have one. Code, doctest sessions and markup are dropped, prose and parameter descriptions are kept.

    Returns:
        Summary, without its full stop, and the other sentences and items in their order. Both are free of markup and
        each is a single line. Either may be empty.
    """
    text = _SIGNATURE.sub("", inspect.cleandoc(docstring)).lstrip()
    paragraphs = _without_empty_sections([text for text in (plain(block) for block in _blocks(text)) if text])
    if not paragraphs:
        return "", []
    sentences = [sentence for text in paragraphs for sentence in _sentences(text)]
    return sentences[0].removesuffix(".").rstrip(), sentences[1:]


def _sentences(text: str) -> list[str]:
    return _SENTENCE_END.split(text) if any(end in text for end in (". ", "! ", "? ")) else [text]


def _without_empty_sections(paragraphs: list[str]) -> list[str]:
    """Leave out sections that speak of other things, and headings that have nothing left below them."""
    kept: list[str] = []
    dropping = False
    for paragraph in paragraphs:
        if _HEADING.match(paragraph):
            dropping = _DROPPED_SECTION.match(paragraph) is not None
            if kept and _HEADING.match(kept[-1]):
                kept.pop()
        if not dropping:
            kept.append(paragraph)
    if kept and _HEADING.match(kept[-1]):
        kept.pop()
    return kept


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs, list items, headings and descriptions of single parameters, still with inline markup."""
    block: list[str] = []
    indent = 0
    for line in prose_lines(text):
        written = line.lstrip()
        if not written:
            if block:
                yield "\n".join(block)
                block = []
            continue
        own = len(line) - len(written)
        heading = _HEADING.match(line) is not None
        field = written[0] == ":" and _FIELD.match(line)
        bullet = not written[0].isalpha() and _BULLET.match(line)
        if block and (heading or own < indent or bullet or field):
            yield "\n".join(block)
            block = []
        indent = own
        if field:
            line = f"{field[1]}{field[3] or field[2]} {line[field.end() :]}"
            bullet = _BULLET.match(line)
        block.append(line[bullet.end() :] if bullet else line)
        if heading:
            yield "\n".join(block)
            block = []
    if block:
        yield "\n".join(block)
