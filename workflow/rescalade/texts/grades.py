"""Which grades judgements may have."""

from __future__ import annotations

LARGEST = 10_000
"""trec_eval keeps a counter for every grade up to the largest of a query: hit counts or times as grades would take
gigabytes, or fail unseen. Grades below 0 count as 0, whatever they are; the same bound holds there."""


def out_of_bounds(grade: int) -> str | None:
    """What about a grade above `LARGEST` or below -`LARGEST`, in words; None for one that may be."""
    if abs(grade) <= LARGEST:
        return None
    found = grade if abs(grade) < 10**20 else "a number of more than 20 digits"
    return f"grade {found} found, grades from -{LARGEST} to {LARGEST} are expected"
