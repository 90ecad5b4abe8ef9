"""The table of an audit on the terminal."""

from __future__ import annotations

import pytest

from rescalade.cli.audits import show
from support.synthetic_audits import invented_audit


def test_the_spread_that_decides_where_a_start_lies_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """The scores of the invented audit spread by 40 / k, at a temperature of 4 by 10 / k."""
    show(invented_audit("bert", "bert", 1.0), 4.0)
    lines = capsys.readouterr().out.splitlines()
    heads = [cell.strip() for line in lines if "mode" in line and "spread" in line for cell in line.split("┃")]
    cells = [[cell.strip() for cell in line.split("│")] for line in lines if "│ tied" in line]
    assert {row[1]: row[heads.index("spread")] for row in cells} == {
        "1": "10", "2": "5", "4": "2.5", "8": "1.25", "16": "0.625",
    }  # fmt: skip
