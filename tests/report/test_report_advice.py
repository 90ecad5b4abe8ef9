"""What an audit advises: by hand on an invented audit, and its numbers against the table that they are from."""

from __future__ import annotations

import csv

import pytest

from rescalade.audit.rules import START_SD
from rescalade.report.results.advice import TRUST, advice
from rescalade.report.results.known import published_cells
from support.synthetic_audits import invented_audit, invented_scale
from support.synthetic_fates import REPOSITORY

TABLE = REPOSITORY / "docs" / "why" / "step0-map.csv"
PRINTED = {
    "seen_sd": ("0.0121 to 37.8", "12", "13", "22", "0.0442177"),
    "units": ("to 0.998", "34", "46", "46", "0.156463"),
}
"""Window, errors, by_backbone, by_family and share in the report of `why`, as long as its table is not kept here."""


def test_the_numbers_are_those_of_the_report() -> None:
    keys = ("window", "errors", "by_backbone", "by_family", "share")
    printed = PRINTED
    if TABLE.is_file():
        with TABLE.open(encoding="utf-8") as stream:
            printed = {row["predictor"]: tuple(row[key] for key in keys) for row in csv.DictReader(stream)}
    window, errors, by_backbone, by_family, share = printed["seen_sd"]
    # as printed, to two or three digits
    assert [float(end) for end in window.split(" to ")] == pytest.approx(list(START_SD), rel=0.01)
    assert (TRUST.errors, TRUST.by_backbone, TRUST.by_family) == (int(errors), int(by_backbone), int(by_family))
    assert float(share) == pytest.approx(TRUST.by_backbone / TRUST.runs, rel=1e-4)
    assert int(printed["units"][2]) == TRUST.loss


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
    assert f"of {TRUST.runs} runs" in trust and "no border for every model" in trust
    assert "at losses of 79 to 4,452 ln(candidates), and 9 of 10 trained" in trust
    assert len(published_cells()) == 10


def test_a_k_that_was_not_tried_is_said_so() -> None:
    entries = tuple(invented_scale(k, "tied", 1.0, "bert") for k in (1.0, 2.0))
    assert advice(invented_audit("bert", "bert", 1.0, scales=entries))[1].endswith("takes k = 4; not tried.")
