"""The manifest of an encoding: counts, digests, what was left out, and whether the model has collapsed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rescalade.encoding.collect import Tally
from rescalade.encoding.settings import EncodeSettings
from rescalade.errors import UserError
from rescalade.models.splade_config import SpladeConfig
from rescalade.objective.collapse import is_dead, is_saturated
from rescalade.vectors.file_names import MANIFEST, QUERIES
from rescalade.vectors.manifest_file import DataDigests, LeftOut, Removed, State, VectorsManifest

logger = logging.getLogger(__name__)


def write_manifest(
    folder: Path,
    files: Mapping[str, Mapping[str, Any]],
    settings: EncodeSettings,
    how: SpladeConfig,
    digests: Mapping[str, Any],
) -> VectorsManifest:
    """Write the manifest over the facts of all files.

    Args:
        files: facts by file name: tally, weights, postings, weight, vocabulary, sha256.
        how: what was used of settings and model.
        digests: model, tokenizer, data.

    Raises:
        UserError: the files are of different vocabularies.
    """
    shards = sorted(name for name in files if name != QUERIES)
    vocabularies = {facts["vocabulary"] for facts in files.values()}
    if len(vocabularies) != 1:
        raise UserError(f"{folder}: files of vocabularies {sorted(vocabularies)} are mixed; delete it and encode again")
    vocabulary = int(vocabularies.pop())
    corpus = sum((Tally(**files[name]["tally"]) for name in shards), Tally())
    queries = Tally(**files[QUERIES]["tally"])
    kinds = {files[name]["weights"] for name in shards} or {files[QUERIES]["weights"]}
    postings = sum(files[name]["postings"] for name in shards)
    weight = sum(files[name]["weight"] for name in shards)
    manifest = VectorsManifest(
        model=digests["model"],
        tokenizer=digests["tokenizer"],
        data=DataDigests(**digests["data"]),
        vocabulary=vocabulary,
        documents=corpus.texts,
        queries=queries.texts,
        postings=postings,
        shards=tuple(shards),
        weights=kinds.pop() if len(kinds) == 1 else "mixed",
        settings={**settings.model_dump(exclude={"corpus"}), **how.model_dump(exclude={"schema_version"})},
        sha256={name: facts["sha256"] for name, facts in files.items()},
        state=state(corpus, queries, vocabulary),
        active_terms=corpus.postings / max(1, corpus.texts - corpus.broken),
        non_finite_texts=corpus.broken + queries.broken,
        bounded_shards=corpus.bounded + queries.bounded,
        left_out=LeftOut(
            by_cap=_shares(corpus, corpus.kept_postings - corpus.postings, corpus.kept_weight - corpus.weight),
            by_storage=_shares(corpus, postings - corpus.kept_postings, weight - corpus.kept_weight),
        ),
        corpus=settings.corpus,
    )
    _warn(manifest)
    manifest.write(folder / MANIFEST)
    return manifest


def state(corpus: Tally, queries: Tally, vocabulary: int) -> State:
    """ok, or how the model has collapsed, by the definitions of docs/collapse.md over all documents and all queries.

    non-finite: a text has a weight that is not. A shard that met its bound on bytes is saturated too.
    """
    sides = [side for side in (corpus, queries) if side.texts]
    if any(side.broken for side in sides):
        return "non-finite"
    if any(is_dead(side.postings / side.texts, side.empty / side.texts) for side in sides):
        return "dead"
    full = (is_saturated(side.postings / side.texts, side.tokens / side.texts, vocabulary) for side in sides)
    return "saturated" if any(full) or any(side.bounded for side in sides) else "ok"


def _shares(corpus: Tally, postings: int, weight: float) -> Removed:
    """A (negative) change as the share of what the model gave that it removed."""
    return Removed(
        postings=-postings / max(1, corpus.postings),
        weight=max(0.0, -weight / corpus.weight) if corpus.weight else 0.0,
    )


def _warn(manifest: VectorsManifest) -> None:
    if manifest.non_finite_texts:
        logger.warning(
            "%d texts have weights that are not finite: their vectors are empty, and the state in the manifest is "
            "non-finite. The model is broken; outcome.json of a run says since which step",
            manifest.non_finite_texts,
        )
    if manifest.bounded_shards:
        logger.warning(
            "the model is saturated: %.0f of %d terms are active per document. %d shards met the bound of %d bytes "
            "(retrieval.shard_bytes) and keep the heaviest terms only; %.1f%% of the weight is left out",
            manifest.active_terms,
            manifest.vocabulary,
            manifest.bounded_shards,
            manifest.settings["shard_bytes"],
            100 * manifest.left_out.by_cap.weight,
        )
