"""What decides scores."""

from __future__ import annotations

from rescalade.strict import Strict


class ScoreSettings(Strict):
    """The stage `score`.

    recall: ranks at which recall is taken. minimum_grade: from which a document counts as relevant for MRR and recall.
    """

    recall: tuple[int, ...]
    minimum_grade: int = 1
