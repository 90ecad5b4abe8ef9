"""What an audit advises: by hand on an invented audit, and its numbers against the table that they are from."""

from __future__ import annotations

import csv

from rescalade.audit.rules import START_SD
from rescalade.report.results.advice import TRUST, advice
from rescalade.report.results.known import published_cells
from support.synthetic_audits import invented_audit, invented_scale
from support.synthetic_fates import REPOSITORY

TABLES = REPOSITORY / "docs" / "why"


def rows(name: str) -> list[dict[str, str]]:
    with (TABLES / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_numbers_are_those_of_the_kept_tables() -> None:
    found = {row["predictor"]: row for row in rows("step0-map.csv")}
    spread = found["seen_sd"]
    assert spread["window"] == f"{START_SD[0]} to {START_SD[1]}"
    assert (TRUST.errors, TRUST.by_backbone, TRUST.by_family, TRUST.loss) == tuple(
        int(row[key])
        for row, key in (
            (spread, "errors"), (spread, "by_backbone"), (spread, "by_family"), (found["units"], "by_backbone"),
        )
    )  # fmt: skip
    for name, runs, errors in (
        ("step0-states.csv", TRUST.runs, TRUST.errors),
        ("boolq/step0-states.csv", TRUST.elsewhere, TRUST.errors_elsewhere),
    ):
        cells = [(float(row["seen_sd"]), int(row["trained"]), int(row["failed"])) for row in rows(name)]
        assert sum(trained + failed for _, trained, failed in cells) == runs
        low, high = START_SD
        assert sum(failed if low <= sd <= high else trained for sd, trained, failed in cells) == errors


def test_which_k_start_inside_and_what_the_default_does() -> None:
    """The scores spread by 40 / k: at a temperature of 4 by 10, 5, 2.5, 1.25 and 0.625, at .5 by 80, 40, 20, 10, 5."""
    audit = invented_audit("bert", "bert", 1.0)
    where, default, trust = advice(audit)
    assert "tied: k = 2, 4, 8 and 16; untied: k = 2, 4, 8 and 16; multiplier: k = 2, 4, 8 and 16." in where
    assert default == "The default rule, width, takes k = 4; tied: inside; untied: inside; multiplier: inside."
    assert "tied: k = 1, 2, 4, 8 and 16;" in advice(audit, 4.0)[0]
    assert "tied: k = 4, 8 and 16;" in advice(audit, 0.5)[0]
    assert "tied: no k; untied: no k; multiplier: no k." in advice(audit, 1e5)[0]
    assert "tied: too small" in advice(audit, 1e5)[1] and "tied: too large" in advice(audit, 0.1)[1]
    assert "12 of 294 runs" in trust and "4 of 42 on another text" in trust and "no border for every model" in trust
    assert "at losses of 79 to 4,452 ln(candidates), and 9 of 10 trained" in trust
    assert len(published_cells()) == 10


def test_a_k_that_was_not_tried_is_said_so() -> None:
    entries = tuple(invented_scale(k, "tied", 1.0, "bert") for k in (1.0, 2.0))
    assert advice(invented_audit("bert", "bert", 1.0, scales=entries))[1].endswith("takes k = 4; not tried.")
