"""What decides scores."""

from __future__ import annotations

from rescalade.strict import Strict


class ScoreSettings(Strict):
    """Settings of the stage `score`.

    measures: names, see `rescalade.scoring.measures`. minimum_grade: from which a document counts as relevant, for
    measures that do not take the grade itself. ranking: what the scores call a ranking that is no run's.
    """

    measures: tuple[str, ...]
    minimum_grade: int = 1
    ranking: str | None = None
