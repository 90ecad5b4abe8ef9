"""A backbone before any training is encoded as its runs are, by settings instead of files; its vectors are bounded."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rescalade.config.load import build_config
from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.pipeline.jobs import make_jobs
from rescalade.pipeline.rows.runs import UNTRAINED_TERMS, encode_settings, train_settings
from rescalade.runs import Run
from rescalade.variants import Variant
from rescalade.vectors.manifest_file import VectorsManifest
from rescalade.vectors.vectors import MANIFEST, QUERIES, SparseVectors, read_vectors
from support.encoding import encode, save_data, save_model
from support.graph import SMALL

NAMES = {"run": "quick/left/k1/untrained", "dataset": "test"}


def rows(vectors: SparseVectors) -> list[dict[int, float]]:
    starts = zip(vectors.offsets[:-1], vectors.offsets[1:], strict=True)
    pairs = [(vectors.terms[a:b].tolist(), vectors.weights[a:b].tolist()) for a, b in starts]
    return [dict(zip(terms, weights, strict=True)) for terms, weights in pairs]


def test_the_name_of_an_untrained_backbone() -> None:
    run = Run.parse(NAMES["run"])
    assert (run, run.folder) == (Run("quick", "left", Variant(1.0), 0, trained=False), NAMES["run"])
    with pytest.raises(UserError, match="expected RECIPE/BACKBONE/VARIANT/seedN"):
        Run.parse("quick/left/k1/untrainable")


def test_it_encodes_by_the_recipe_of_its_runs() -> None:
    values = yaml.safe_load(SMALL)
    values["recipes"]["quick"]["train"] = {"query_length": 9, "precision": "bf16", "pool_special_tokens": False}
    values["backbones"]["left"]["train"] = {"document_length": 17}
    found = encode_settings(build_config(values), NAMES)
    assert (found.query_length, found.document_length, found.precision) == (9, 17, "bf16")
    assert (found.pool_special_tokens, found.top_terms, found.query_terms) == (False, UNTRAINED_TERMS, UNTRAINED_TERMS)
    values["retrieval"] = {"query_length": 5, "precision": "fp32", "top_terms": 7}
    found = encode_settings(build_config(values), NAMES)
    assert (found.query_length, found.precision, found.top_terms) == (5, "fp32", 7)
    trained = encode_settings(build_config(values), {**NAMES, "run": "quick/left/k1/seed1"})
    assert (trained.document_length, trained.pool_special_tokens, trained.query_terms) == (None, None, None)


def test_nothing_trains_it() -> None:
    with pytest.raises(UserError, match="before any training"):
        train_settings(build_config(yaml.safe_load(SMALL)), NAMES)
    jobs = make_jobs(build_config(yaml.safe_load(SMALL)), Paths())
    assert jobs["encode", *NAMES.values()].needs == (("rescale", "left", "k1"), ("collection", "test"))
    assert ("score", *NAMES.values()) in jobs


def test_settings_stand_for_what_its_folder_does_not_say(tmp_path: Path) -> None:
    """The same weights, once with a folder that says how a recipe encodes and once with one that says otherwise."""
    data = save_data(tmp_path / "data")
    how = {"query_length": 6, "document_length": 9, "precision": "bf16", "pool_special_tokens": False}
    encode(save_model(tmp_path / "said", **how), data, tmp_path / "from-files")
    encode(save_model(tmp_path / "other"), data, tmp_path / "from-settings", **how)
    for name in (QUERIES, "shard-00000.parquet"):
        expected, found = (read_vectors(tmp_path / folder / name) for folder in ("from-files", "from-settings"))
        assert rows(found) == rows(expected)


def test_queries_are_bounded_too(tmp_path: Path) -> None:
    data, model = save_data(tmp_path / "data"), save_model(tmp_path / "model", bias=1.0)
    encode(model, data, tmp_path / "all")
    encode(model, data, tmp_path / "bounded", top_terms=5, query_terms=3)
    for name, count in ((QUERIES, 3), ("shard-00000.parquet", 5)):
        whole, found = (rows(read_vectors(tmp_path / folder / name)) for folder in ("all", "bounded"))
        for every, kept in zip(whole, found, strict=True):
            heaviest = sorted(every, key=lambda term: (-every[term], term))[:count]
            assert kept == {term: every[term] for term in sorted(heaviest)}
    assert VectorsManifest.read(tmp_path / "bounded" / MANIFEST).left_out.by_cap.postings > 0.5
