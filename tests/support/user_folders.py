"""Folders of data as users have them."""

from __future__ import annotations

import json
from pathlib import Path


def beir(folder: Path) -> Path:
    """Two documents, two judged queries and one that nobody judged, in BEIR's layout."""
    (folder / "qrels").mkdir(parents=True)
    rows = [{"_id": "a", "title": "Red", "text": "Red apples."}, {"_id": "b", "text": "Blue whales."}]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    queries = [{"_id": f"q{n}", "text": f"query {n}"} for n in range(3)]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq0\ta\t2\nq1\tb\t1\n")
    return folder
