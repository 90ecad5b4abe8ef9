"""What an entry of a data set must and may say, by the kind of its source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rescalade.config.load import load_config
from rescalade.errors import UserError
from support.sources import config

SHIPPED = Path(__file__).resolve().parents[2] / "config.yaml"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"source": "ir_datasets"}, r"datasets\.x\.id: required for a source of kind ir_datasets"),
        ({"source": "files"}, r"datasets\.x\.path: required"),
        ({"source": "hub", "id": "a/b"}, r"datasets\.x\.revision: required"),
        ({"source": "pydoc"}, r"datasets\.x\.packages: required"),
        (
            {"source": "pydoc", "packages": ["torch"], "part": "dev"},
            "or 'all'; found 'dev'",
        ),
        ({"source": "ir_datasets", "id": "a", "path": "b"}, r"datasets\.x\.path: has no meaning for a source of kind"),
        ({"source": "ir_datasets", "id": "a", "limit": 3}, r"datasets\.x\.limit: has no meaning"),
        ({"source": "wheel", "part": "held-out"}, r"datasets\.x\.part: 'held-out' is not one of train, dev"),
        ({"source": "nowhere"}, "unknown source 'nowhere'"),
        ({"source": "ir_datasets", "id": "a", "corpus": "texts"}, "unknown data set 'texts'; did you mean 'text'"),
        ({"source": "ir_datasets", "id": "a", "corpus": "x"}, "documents of its own"),
        ({"source": "ir_datasets", "id": "a", "corpus": "text", "titles": "none"}, "another rule for titles"),
        ({"source": "ir_datasets", "id": "a", "minimum_grad": 2}, "unknown key; did you mean 'minimum_grade'"),
    ],
)
def test_mistakes_are_named(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        config(x=entry)


def test_documents_are_borrowed_from_their_owner() -> None:
    borrowing = {"source": "ir_datasets", "id": "a", "corpus": "text"}
    with pytest.raises(UserError, match=r"datasets\.x\.corpus: name a data set that has documents of its own"):
        config(y=borrowing, x={**borrowing, "corpus": "y"})


def test_counts_of_shipped_entries_are_those_that_ir_datasets_knows() -> None:
    import ir_datasets

    checked = 0
    for name, entry in load_config([SHIPPED]).model.datasets.items():
        if entry.source != "ir_datasets":
            continue
        dataset = ir_datasets.load(entry.id)
        found = [dataset.metadata()[kind]["count"] for kind in ("docs", "queries", "qrels")]
        assert found == [entry.documents, entry.queries, entry.judgements], name
        checked += 1
    assert checked >= 30


def test_the_thirteen_sets_of_the_paper_are_those_of_its_published_numbers() -> None:
    import yaml

    published = yaml.safe_load(
        (SHIPPED.parent / "workflow" / "rescalade" / "catalogue" / "published" / "rescaling.yaml").read_text()
    )
    assert load_config([SHIPPED], "paper").experiment.out_of_domain == published["datasets"]["beir-13"]["names"]
    backbones = load_config([SHIPPED], "paper").backbones()
    assert set(backbones) == set(published["backbones"])
