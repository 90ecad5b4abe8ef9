"""What docs/csplade.md says of the two experiments that were run, its tables say, number by number."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.held_numbers import fault_of, numbers_of

PAGE = Path(__file__).parents[2] / "docs" / "csplade.md"


@pytest.mark.parametrize("heading", ["In miniature", "With a real small model"])
def test_every_number_of_an_experiment_is_in_its_table(heading: str) -> None:
    """Of the sections that tell what came out; lines keep their place."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(f"## {heading}\n")
    section = "\n" * (before.count("\n") + 1) + rest.partition("\n## ")[0]
    found = list(numbers_of(section))
    assert len(found) > 15
    assert [fault for one in found if (fault := fault_of(one, PAGE.parent / "csplade"))] == []
