"""The collection from small source trees, and one real package."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

import pytest

from rescalade.data.pydoc.extraction import extract
from rescalade.data.pydoc.pair_file import PackageCounts, Pair
from rescalade.data.pydoc.words import split_position
from rescalade.errors import UserError

AREA = "The area is that of the polygon through all corners in their order and has the unit of the corners squared"
TIME = "Seconds since the start of the machine are counted with a monotonic clock that no user can ever set back again"

TREE = {
    "alpha_made_up/__init__.py": f'''
def area(corners):
    """Compute the area of a shape.

    {AREA}. It can compute the area of a shape. It is exact.
    """
''',
    "alpha_made_up/broken.py": 'def f(:\n    """No Python."""\n',
    "alpha_made_up/clock.py": f'''
class Clock:
    """Tell the time of day.

    {TIME}.
    """

    def short(self):
        """Say it in short."""

    def again(self):
        """Tell the time of DAY!

        Nobody needs to read one and the same question twice when the answer stands in another place with other words.
        """
''',
    "beta_made_up.py": f'''
def surface(corners):
    """Find how large a shape is.

    {AREA}. It is exact!
    """

def seconds():
    """Count seconds since the start.

    {TIME} by hand.
    """
''',
}


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in TREE.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("tree")
def test_pairs_and_counts_worked_by_hand() -> None:
    pairs, statistics = extract(["beta_made_up", "alpha_made_up"], min_document_words=15)
    assert [(pair.id, pair.package, pair.name, pair.query, pair.document) for pair in pairs] == [
        (
            "alpha_made_up/area",
            "alpha_made_up",
            "alpha_made_up.area",
            "Compute the area of a shape",
            f"{AREA}. It is exact.",
        ),
        (
            "alpha_made_up/clock.Clock",
            "alpha_made_up",
            "alpha_made_up.clock.Clock",
            "Tell the time of day",
            f"{TIME}.",
        ),
    ]
    assert {name: counts.model_dump() for name, counts in statistics.items()} == {
        "alpha_made_up": {
            "version": "unknown",
            "files_read": 2,
            "files_skipped": 1,
            "docstrings": 4,
            "dropped": {"document too short": 1, "repeated query": 1},
            "kept": 2,
        },
        # The first document is the same text; the second has two words more, so 17 of 19 runs of five are common.
        "beta_made_up": {
            "version": "unknown",
            "files_read": 1,
            "files_skipped": 0,
            "docstrings": 2,
            "dropped": {"near-duplicate document": 1, "repeated document": 1},
            "kept": 0,
        },
    }


@pytest.mark.usefixtures("tree")
def test_threshold_is_obeyed() -> None:
    pairs, _ = extract(["beta_made_up", "alpha_made_up"], min_document_words=15, near_duplicate=0.95)
    assert "beta_made_up/seconds" in [pair.id for pair in pairs]


@pytest.mark.usefixtures("tree")
def test_unknown_package() -> None:
    with pytest.raises(UserError, match="gamma_made_up"):
        extract(["alpha_made_up", "gamma_made_up"])


def test_position_depends_on_the_name_alone_and_is_even() -> None:
    positions = [split_position(f"package.function_{number}") for number in range(4000)]
    assert all(0 <= position < 1 for position in positions)
    # A share of a tenth has a standard deviation of sqrt(.1 * .9 / 4000) = .0047; four of them are allowed.
    assert sum(position < 0.1 for position in positions) / 4000 == pytest.approx(0.1, abs=0.019)
    # From `printf numpy.sum | b2sum -l 64`. Only the last 11 bits are cut off.
    assert split_position("numpy.sum") == pytest.approx(0x8A214C3BDB8D586F / 2**64, abs=2**-52)


@pytest.fixture(scope="module")
def real() -> tuple[list[Pair], dict[str, PackageCounts]]:
    return extract(["jinja2", "rich"])


def test_a_real_package(real: tuple[list[Pair], dict[str, PackageCounts]]) -> None:
    pairs, statistics = real
    assert len(pairs) > 100
    assert pairs == sorted(pairs, key=lambda pair: pair.id)
    assert len({pair.id for pair in pairs}) == len(pairs)
    for pair in pairs:
        assert re.fullmatch(r"(jinja2|rich)/\S+", pair.id)
        assert f"{pair.package}.{pair.id.partition('/')[2]}" == pair.name
        assert 3 <= len(re.findall(r"\w+", pair.query)) <= 32
        assert len(re.findall(r"\w+", pair.document)) >= 20
        assert "\n" not in pair.query + pair.document
        assert ">>>" not in pair.document
    for counts in statistics.values():
        assert counts.version != "unknown"
        assert counts.docstrings == counts.kept + sum(counts.dropped.values())
        assert counts.files_skipped == 0


def test_no_query_in_its_document(real: tuple[list[Pair], dict[str, PackageCounts]]) -> None:
    for pair in real[0]:
        query = r"\W+".join(map(re.escape, re.findall(r"\w+", pair.query)))
        assert not re.search(rf"\b{query}\b", pair.document, re.IGNORECASE), pair.id


def test_no_two_documents_alike_by_brute_force(real: tuple[list[Pair], dict[str, PackageCounts]]) -> None:
    runs = []
    for pair in real[0]:
        found = re.findall(r"\w+", pair.document.lower())
        runs.append((pair.id, set(zip(*(found[i:] for i in range(5)), strict=False))))
    for (one, a), (other, b) in combinations(runs, 2):
        assert len(a & b) < 0.7 * len(a | b), (one, other)


def test_same_bytes_with_another_hash_seed(real: tuple[list[Pair], dict[str, PackageCounts]]) -> None:
    program = (
        "import json; from dataclasses import asdict; from rescalade.data.pydoc.extraction import extract;"
        "pairs, statistics = extract(['rich', 'jinja2', 'rich']);"
        "print(json.dumps([[asdict(pair) for pair in pairs], {n: c.model_dump() for n, c in statistics.items()}]))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    counts = {name: counts.model_dump() for name, counts in real[1].items()}
    assert done.stdout.strip() == json.dumps([[asdict(pair) for pair in real[0]], counts])
