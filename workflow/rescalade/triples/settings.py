"""What decides training triples."""

from __future__ import annotations

from pydantic import Field

from rescalade.strict import Strict
from rescalade.texts.analyser import AnalyserName


class MiningSettings(Strict):
    """How training triples are made where the data set has none."""

    negatives: int = Field(1, ge=1, le=64, description="Hard negatives per query.")
    depth: int = Field(20, ge=1, description="A negative is drawn from this many best BM25 documents.")
    seed: int = Field(0, ge=0, description="Seed of the draw, hashed with the query's id.")


class TriplesSettings(MiningSettings):
    """The stage `triples`.

    analyser: how BM25 finds words.
    drop_identical_ids: the document whose id is the query's is the query itself, and so no negative of it.
    """

    analyser: AnalyserName = "english"
    drop_identical_ids: bool = False
