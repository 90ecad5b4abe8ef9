"""How a data set is called, searched and scored. What makes it reads nothing of this, so it is no code of its stage."""

from __future__ import annotations

from pydantic import Field

from rescalade.strict import Strict
from rescalade.texts.analyser import AnalyserName


class Protocol(Strict):
    """How a data set is called, searched and scored: keys that decide nothing of the files it is made of."""

    title: str = Field("", description="Name shown in tables; the key where empty.")
    triples: int | None = Field(
        None,
        ge=1,
        description="For hub and passages: training triples, about; `rescalade plan` counts steps by it before they "
        "are fetched.",
    )
    minimum_grade: int = Field(1, ge=1, description="From this grade on a document counts for MRR and recall.")
    drop_identical_ids: bool = Field(
        False, description="Leave out the document whose id is the query's (ArguAna, Quora)."
    )
    analyser: AnalyserName = Field(
        "english",
        description="How BM25 finds words, as the baseline and where it mines hard negatives. english: as Anserini by "
        "default, stemmed. words: unstemmed, of two characters and more. Both without the same 33 stop words.",
    )
    metric: str = Field(
        "nDCG@10",
        description="Main measure of this set: the quality of a run is the mean of it over the sets. Any name that "
        "ir_measures knows: MRR@10, AP, P(rel=2)@10.",
    )
    measures: list[str] = Field(
        default=[],
        description="Further measures, by the same names. MRR@10, nDCG@10 and Recall at 100 and 1000 are always there.",
    )
    depth: int = Field(
        1000, ge=10, description="Documents retrieved per query. Recall at a cut beyond it is not reported."
    )
