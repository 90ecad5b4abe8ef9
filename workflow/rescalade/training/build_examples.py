"""From a collection and its triples to training examples, with everything left out counted and named.

Triples become rows of the collection's files, [T] int32 per column, and all choices are made on those. The files are
then read part by part, and only texts of drawn examples are tokenised: no more than the tokens stays in memory.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rescalade.errors import UserError
from rescalade.models.splade_config import SpladeConfig
from rescalade.objective.loss import RANKING
from rescalade.texts.collection import digests
from rescalade.texts.layout import Layout
from rescalade.texts.named_texts import NamedTexts, Rows, document_texts, query_texts
from rescalade.texts.tokens import cached_tokens
from rescalade.texts.triple_files import IDS, SCORES
from rescalade.training.examples import Examples
from rescalade.training.settings import TrainSettings
from rescalade.training.steps import optimiser_steps, step_batches

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)
Mask = NDArray[np.bool_]
KEPT = 2**24
"""Tokens that the texts of a run may have for them to be kept, 64 MB: one that sees more trains for so long that this
would spare nothing, and others must not wait for it."""


class TripleRows(NamedTuple):
    """Rows in queries and corpus that the triples name, [T] each; -1 where they name none."""

    query: Rows
    positive: Rows
    negative: Rows


class TokensKept(NamedTuple):
    """A folder of tokens, and the digest of the tokenizer that makes them."""

    folder: Path
    tokenizer: str

    def paths(self, collection: Path, of_each: Sequence[tuple[Layout, Mask]]) -> list[Path | None]:
        """Files of the tokens of some queries and some documents of a collection, with how each are laid out.

        None for those that may have more than KEPT tokens.
        """
        files = digests(collection)
        keys = [
            "\0".join([self.tokenizer, files[name], *layout.key(), ""]).encode() + np.packbits(mask).tobytes()
            for name, (layout, mask) in zip(("queries.parquet", "corpus.parquet"), of_each, strict=True)
        ]
        few = [int(mask.sum()) * layout.length <= KEPT for layout, mask in of_each]
        found = [self.folder / f"{hashlib.sha256(key).hexdigest()[:20]}.npz" for key in keys]
        return [path if kept else None for path, kept in zip(found, few, strict=True)]


def build_examples(
    folder: Path,
    triples: pa.Table,
    tokenizer: PreTrainedTokenizerBase,
    settings: TrainSettings,
    how: SpladeConfig,
    seed: int,
    kept: TokensKept | None = None,
) -> Examples:
    """Training examples of a run; each text that it will see is tokenised once, the others are left alone.

    Left out and counted: triples without a positive, those whose negative is the positive (the same id or the same
    text), those with an empty text, and, with several negatives, what does not fill an example. Cut and counted:
    texts longer than their limit.

    Args:
        folder: the collection.
        triples: columns query_id, positive_id, negative_id; for distillation positive_score and negative_score too.
        how: how the model encodes.
        kept: where runs that see the same texts through the same tokenizer leave their tokens to one another.

    Raises:
        UserError: a file of the collection is damaged; an id occurs twice in it or is not in it; teacher scores are
            missing; nothing is left.
    """
    teacher = _teacher_scores(triples, settings.loss) if RANKING[settings.loss].distils else None
    queries, documents = query_texts(folder), document_texts(folder)
    (query,) = queries.rows(triples["query_id"])
    rows = TripleRows(query, *documents.rows(triples["positive_id"], triples["negative_id"]))
    counts: Counter[str] = Counter()
    usable = np.flatnonzero(_usable(triples, rows, queries, documents, counts))
    groups = usable[_grouped(rows.query[usable], rows.positive[usable], settings.negatives, counts)]
    left_out = {reason: number for reason, number in sorted(counts.items()) if number}
    if not len(groups):
        reasons = ", ".join(f"{number} {reason}" for reason, number in left_out.items()) or "there are none"
        raise UserError(f"no training example is left of {len(triples)} triples ({reasons}); look at the data set")
    for reason, number in left_out.items():
        logger.warning("%d of %d triples left out: %s", number, len(triples), reason)
    found = np.column_stack([rows.query[groups[:, 0]], rows.positive[groups[:, 0]], rows.negative[groups]])
    seen = _drawn(len(found), settings, seed)
    of_queries, of_documents = _mask(len(queries), found[seen, :1]), _mask(len(documents), found[seen, 1:])
    asked, read = (part for _, part in queries.chosen(of_queries)), (part for _, part in documents.chosen(of_documents))
    of_each = (how.layout(queries=True), of_queries), (how.layout(queries=False), of_documents)
    paths = [None, None] if kept is None else kept.paths(folder, of_each)
    query_tokens, document_tokens = (
        cached_tokens(path, functools.partial(layout.packed, tokenizer, parts))
        for path, (layout, _), parts in zip(paths, of_each, (asked, read), strict=True)
    )
    return Examples(
        queries=query_tokens,
        documents=document_tokens,
        rows=np.column_stack([_numbered(of_queries)[found[:, :1]], _numbered(of_documents)[found[:, 1:]]]),
        teacher=None if teacher is None else np.column_stack([teacher[0][groups[:, 0]], teacher[1][groups]]),
        counts={**left_out, "queries cut": query_tokens.cut, "documents cut": document_tokens.cut},
    )


def _teacher_scores(triples: pa.Table, loss: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """[T] scores of the positives and [T] of the negatives.

    Raises:
        UserError: a column is missing or holds something else, or a score is missing or not finite as float32.
    """
    positive, negative = (_scores(triples, name, loss) for name in SCORES)
    return positive, negative


def _scores(triples: pa.Table, name: str, loss: str) -> NDArray[np.float32]:
    if name not in triples.column_names:
        raise UserError(
            f"loss {loss}: the triples have no column {name!r}; use a data set with teacher scores, or loss: infonce"
        )
    kind = triples.schema.field(name).type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        raise UserError(f"loss {loss}: column {name!r} of the triples holds {kind}, expected numbers; score them again")
    # without the cast a null would stay an object; with it, it is NaN
    parts = [chunk.cast(pa.float64()).to_numpy(zero_copy_only=False) for chunk in triples[name].chunks]
    with np.errstate(over="ignore"):
        values = np.concatenate([np.zeros(0, np.float32), *(part.astype(np.float32) for part in parts)])
    missing = int((~np.isfinite(values)).sum())
    if missing:
        raise UserError(
            f"loss {loss}: {missing} of {len(values)} triples have no finite {name}; score them again, remove them, "
            "or use loss: infonce"
        )
    return values


def _usable(
    triples: pa.Table, rows: TripleRows, queries: NamedTexts, documents: NamedTexts, counts: Counter[str]
) -> Mask:
    """[T]: which triples can be trained on; the others are counted by reason.

    Raises:
        UserError: one with a positive names what the collection does not have.
    """
    named = pc.fill_null(pc.not_equal(triples["positive_id"].cast(pa.string()), ""), False)
    with_positive: Mask = named.to_numpy().astype(bool)
    strange = with_positive & (np.minimum.reduce(rows) < 0)
    if strange.any():
        _refuse(triples.slice(int(strange.argmax()), 1), [int(column[strange.argmax()]) for column in rows])
    blank_query, _ = queries.marks(_mask(len(queries), rows.query[with_positive]))
    asked = np.concatenate([rows.positive[with_positive], rows.negative[with_positive]])
    blank, digest = documents.marks(_mask(len(documents), asked))
    empty = with_positive & (blank_query[rows.query] | blank[rows.positive] | blank[rows.negative])
    same = with_positive & ~empty
    for half in digest.T:
        same &= half[rows.positive] == half[rows.negative]
    counts["without a positive"] = int((~with_positive).sum())
    counts["with an empty text"] = int(empty.sum())
    counts["whose negative is the positive"] = int(same.sum())
    left: Mask = with_positive & ~empty & ~same
    return left


def _refuse(triple: pa.Table, rows: list[int]) -> None:
    name = next(name for name, row in zip(IDS, rows, strict=True) if row < 0)
    raise UserError(
        f"triples name {name.removesuffix('_id')} {triple[name][0].as_py()!r}, which is not in the collection; "
        "run `triples` again"
    )


def _grouped(query: Rows, positive: Rows, negatives: int, counts: Counter[str]) -> NDArray[np.int64]:
    """[E, n] numbers of the triples of one query and positive, by as many as an example has negatives.

    Pairs of query and positive come in the order of their first triple, and their triples in order.
    """
    if negatives == 1:
        return np.arange(len(query))[:, None]
    pair = query.astype(np.int64) << 32 | positive
    _, first, inverse = np.unique(pair, return_index=True, return_inverse=True)
    start = first[inverse]  # the first triple of each one's pair
    order = np.argsort(start, kind="stable")
    sizes = np.bincount(start, minlength=1)[start[order]]
    place = np.arange(len(order)) - np.searchsorted(start[order], start[order])
    whole = order[place < sizes - sizes % negatives]
    counts[f"too few to give {negatives} negatives"] = len(order) - len(whole)
    groups: NDArray[np.int64] = whole.reshape(-1, negatives)
    return groups


def _drawn(examples: int, settings: TrainSettings, seed: int) -> Mask:
    """[E]: which examples a run draws."""
    drawn = np.zeros(examples, bool)
    left = examples
    for step in itertools.islice(step_batches(examples, settings, seed), optimiser_steps(settings, examples)):
        for batch in step:
            left -= int((~drawn[batch]).sum())
            drawn[batch] = True
        if not left:
            break
    return drawn


def _mask(size: int, rows: NDArray[Any]) -> Mask:
    mask = np.zeros(size, bool)
    mask[rows] = True
    return mask


def _numbered(mask: Mask) -> Rows:
    """[N]: the number that each text of a mask has among them, -1 for the others."""
    return np.where(mask, np.cumsum(mask, dtype=np.int32) - 1, np.int32(-1))
