"""What an engine cannot hold: looked for while vectors are exported, since the engine says so only when it is fed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from rescalade.errors import UserError
from rescalade.vectors.vectors import SparseVectors


@dataclass(frozen=True)
class Limits:
    """What an engine takes. Sources: docs/exports.md.

    id_bytes: of a document's id in UTF-8; None where there is no limit. forbidden: characters that no id may hold.
    clauses: terms of a query, one clause each, by the engine's default; a setting of the engine's raises it.
    """

    id_bytes: int | None = None
    forbidden: re.Pattern[str] | None = None
    clauses: int | None = None
    setting: str = ""


LUCENE_CLAUSES = 1024
LUCENE_TERM_BYTES = 32_766
"""Of one indexed term, which an id is."""
VESPA_ID = 65_536 - len("id:rescalade:passage::")
VESPA_TEXT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufdd0-\ufddf\U0010fffe\U0010ffff"
    + "".join(map(chr, (plane << 16 | last for plane in range(17) for last in (0xFFFE, 0xFFFF))))
    + "]"
)
"""Control characters but for tab and line ends, surrogates, and what Unicode calls no characters."""
BULK = Limits(id_bytes=512, clauses=LUCENE_CLAUSES, setting="indices.query.bool.max_clause_count")
LIMITS = {
    "anserini": Limits(id_bytes=LUCENE_TERM_BYTES, clauses=LUCENE_CLAUSES, setting="IndexSearcher.setMaxClauseCount"),
    "opensearch": BULK,
    "elasticsearch": BULK,
    "vespa": Limits(id_bytes=VESPA_ID, forbidden=VESPA_TEXT),
}
"""By the name of the format; the others have none."""


@dataclass(frozen=True)
class Checked:
    """Shards whose ids the format can hold. May be iterated again when `shards` may.

    Raises:
        UserError: on the way, at the first document whose id the format cannot hold.
    """

    shards: Iterable[SparseVectors]
    form: str

    def __iter__(self) -> Iterator[SparseVectors]:
        limits = LIMITS.get(self.form, Limits())
        for shard in self.shards:
            for name in shard.ids:
                check_id(name, self.form, limits)
            yield shard


def check_id(name: str, form: str, limits: Limits) -> None:
    """Refuse the id of a document.

    Raises:
        UserError: it is empty, too long, or holds a character that the engine refuses.
    """
    remedy = "give the documents other ids, encode again and keep a table of both"
    if not name:
        raise UserError(f"a document's id is empty, which {form} cannot hold; {remedy}")
    most = limits.id_bytes
    if most is not None and len(name) * 4 > most and (size := len(name.encode())) > most:
        raise UserError(f"document {name[:40]!r}…: its id has {size:,} bytes, {form} takes {most:,}; {remedy}")
    if limits.forbidden is not None and (found := limits.forbidden.search(name)) is not None:
        raise UserError(f"document {name!r}: its id holds U+{ord(found[0]):04X}, which {form} refuses; {remedy}")


def clauses(queries: SparseVectors, form: str) -> dict[str, Any]:
    """What the record says of queries with more terms than the engine takes by default; nothing where it takes any."""
    limits = LIMITS.get(form, Limits())
    if limits.clauses is None:
        return {}
    lengths = np.diff(queries.offsets)
    return {
        "query_terms": int(lengths.max(initial=0)),
        "query_terms_limit": limits.clauses,
        "queries_above_limit": int((lengths > limits.clauses).sum()),
    }
