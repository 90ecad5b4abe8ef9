"""From a collection and its triples to training examples, with everything left out counted and named."""

from __future__ import annotations

import itertools
import logging
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from rescalade.data.collection import Collection
from rescalade.errors import UserError
from rescalade.training.examples import Examples
from rescalade.training.settings import TrainSettings
from rescalade.training.steps import optimiser_steps, step_batches

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)
Json = dict[str, Any]
IDS = ("query_id", "positive_id", "negative_id")
SCORES = ("positive_score", "negative_score")


def build_examples(
    collection: Collection,
    triples: pa.Table,
    tokenizer: PreTrainedTokenizerBase,
    settings: TrainSettings,
    seed: int,
) -> Examples:
    """Training examples of a run; each text that it will see is tokenised once, the others are left alone.

    Left out and counted: triples without a positive, those whose negative is the positive (the same id or the same
    text), those with an empty text, and, with several negatives, what does not fill an example. Cut and counted:
    texts longer than their limit.

    Args:
        triples: columns query_id, positive_id, negative_id; for distillation positive_score and negative_score too.

    Raises:
        UserError: an id occurs twice in the collection or is not in it; teacher scores are missing; nothing is left.
    """
    queries = _texts("query", collection.queries["id"].to_pylist(), collection.queries["text"].to_pylist())
    documents = _texts("document", collection.corpus["id"].to_pylist(), collection.document_texts())
    scored = settings.distils
    if scored:
        _check_scores(triples, settings)
    counts: Counter[str] = Counter()
    rows = triples.select([*IDS, *(SCORES if scored else ())]).to_pylist()
    groups = _grouped(_usable(rows, queries, documents, counts), settings.negatives, counts)
    left_out = {reason: number for reason, number in sorted(counts.items()) if number}
    if not groups:
        reasons = ", ".join(f"{number} {reason}" for reason, number in left_out.items()) or "there are none"
        raise UserError(f"no training example is left of {len(triples)} triples ({reasons}); look at the data set")
    for reason, number in left_out.items():
        logger.warning("%d of %d triples left out: %s", number, len(triples), reason)
    seen = sorted(_drawn(len(groups), settings, seed))
    query_number = _numbered(groups[s][0]["query_id"] for s in seen)
    document_number = _numbered(
        identity for s in seen for identity in (groups[s][0]["positive_id"], *(row["negative_id"] for row in groups[s]))
    )
    query_tokens, cut_queries = _tokenised(tokenizer, queries, query_number, settings.query_length)
    document_tokens, cut_documents = _tokenised(tokenizer, documents, document_number, settings.document_length)
    found = [
        [
            query_number.get(group[0]["query_id"], -1),
            document_number.get(group[0]["positive_id"], -1),
            *(document_number.get(row["negative_id"], -1) for row in group),
        ]
        for group in groups
    ]
    teacher = [[group[0]["positive_score"], *(row["negative_score"] for row in group)] for group in groups if scored]
    return Examples(
        queries=query_tokens,
        documents=document_tokens,
        rows=np.array(found, dtype=np.int64),
        teacher=np.array(teacher, dtype=np.float32) if scored else None,
        counts={**left_out, "queries cut": cut_queries, "documents cut": cut_documents},
    )


def _texts(what: str, identities: Sequence[str], texts: Sequence[str]) -> dict[str, str]:
    found = dict(zip(identities, texts, strict=True))
    if len(found) < len(identities):
        twice = next(identity for identity, number in Counter(identities).items() if number > 1)
        raise UserError(
            f"{what} id {twice!r} occurs more than once in the collection ({len(identities) - len(found)} repeated in "
            "all); ids must be unique, make the collection again"
        )
    return found


def _check_scores(triples: pa.Table, settings: TrainSettings) -> None:
    for name in SCORES:
        if name not in triples.column_names:
            raise UserError(
                f"loss {settings.loss}: the triples have no column {name!r}; use a data set with teacher scores, or "
                "loss: infonce"
            )
        values = triples[name].to_pylist()
        missing = sum(value is None or not math.isfinite(value) for value in values)
        if missing:
            raise UserError(
                f"loss {settings.loss}: {missing} of {len(values)} triples have no finite {name}; score them again, "
                "remove them, or use loss: infonce"
            )


def _usable(
    rows: Iterable[Json], queries: dict[str, str], documents: dict[str, str], counts: Counter[str]
) -> Iterable[Json]:
    """The rows that can be trained on; the others are counted by reason."""
    for row in rows:
        if not row["positive_id"]:
            counts["without a positive"] += 1
            continue
        try:
            query, positive, negative = (
                queries[row["query_id"]],
                documents[row["positive_id"]],
                documents[row["negative_id"]],
            )
        except KeyError:
            what, strange = next(
                (key.removesuffix("_id"), row[key])
                for key, known in zip(IDS, (queries, documents, documents), strict=True)
                if row[key] not in known
            )
            raise UserError(
                f"triples name {what} {strange!r}, which is not in the collection; run `triples` again"
            ) from None
        if not (query.strip() and positive.strip() and negative.strip()):
            counts["with an empty text"] += 1
        elif row["positive_id"] == row["negative_id"] or positive == negative:
            counts["whose negative is the positive"] += 1
        else:
            yield row


def _grouped(rows: Iterable[Json], negatives: int, counts: Counter[str]) -> list[list[Json]]:
    """Rows of one query and positive, by as many as an example has negatives."""
    if negatives == 1:
        return [[row] for row in rows]
    together: dict[tuple[str, str], list[Json]] = {}
    for row in rows:
        together.setdefault((row["query_id"], row["positive_id"]), []).append(row)
    groups: list[list[Json]] = []
    for same in together.values():
        whole = len(same) - len(same) % negatives
        groups += [same[first : first + negatives] for first in range(0, whole, negatives)]
        counts[f"too few to give {negatives} negatives"] += len(same) - whole
    return groups


def _drawn(examples: int, settings: TrainSettings, seed: int) -> set[int]:
    """Numbers of the examples that a run draws."""
    steps = itertools.islice(step_batches(examples, settings, seed), optimiser_steps(settings, examples))
    drawn: set[int] = set()
    for step in steps:
        for batch in step:
            drawn.update(batch.tolist())
        if len(drawn) == examples:
            break
    return drawn


def _numbered(identities: Iterable[str]) -> dict[str, int]:
    return {identity: number for number, identity in enumerate(dict.fromkeys(identities))}


def _tokenised(
    tokenizer: PreTrainedTokenizerBase, texts: dict[str, str], numbered: dict[str, int], length: int
) -> tuple[list[list[int]], int]:
    """Token numbers by number, special tokens included, and how many texts were cut to `length`."""
    chosen = [texts[identity] for identity in numbered]
    found = tokenizer(
        chosen, truncation=True, max_length=length, return_attention_mask=False, return_token_type_ids=False
    )
    if found.encodings is None:  # a tokenizer in plain Python does not say what it cut
        return found["input_ids"], sum(len(row) == length for row in found["input_ids"])
    return found["input_ids"], sum(bool(encoding.overflowing) for encoding in found.encodings)
