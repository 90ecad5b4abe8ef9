"""Systems side by side: what others have made beside what was trained, and alone."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rescalade.config import Config, build_config
from rescalade.paths import Paths
from rescalade.published import load_published
from rescalade.report.claims.claims import claims_of
from rescalade.report.figures.systems import places
from rescalade.report.pages.page import make_pages
from rescalade.report.pages.systems_lead import systems_lead
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from rescalade.report.tables.effectiveness import main_table
from rescalade.report.tables.published_numbers import published_table
from rescalade.report.tables.systems_table import compared, systems_table
from rescalade.report.tables.tables import make_tables
from support.synthetic_fates import configuration, papers_way
from support.synthetic_results import References, write_tree

OTHERS = {
    "models": ["theirs"],
    "runs": {"tuned": {"title": "A tuned BM25", "files": {"pydoc": "run.trec"}}},
}
ALONE = {"title": "Others alone", "in_domain": ["pydoc"], "out_of_domain": ["pydoc-ood"], **OTHERS}
QUALITY = {"theirs": 0.62, "tuned": 0.4}


def configured(**experiment: Any) -> Config:
    values = configuration()
    values["backbones"]["theirs"] = {"source": "hub", "id": "owner/theirs", "revision": "main", "title": "Theirs"}
    values["experiments"]["mini"] = experiment or {**values["experiments"]["mini"], **OTHERS}
    return build_config(values)


def told(folder: Path, config: Config, **others: float | None) -> tuple[Paths, Summary]:
    references = References(others=lambda name: {**QUALITY, **others}[name])
    paths = write_tree(folder, config, papers_way, references=references)
    return paths, Summary(load_results(config, paths))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> tuple[Paths, Summary]:
    return told(tmp_path_factory.mktemp("alone"), configured(**ALONE))


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> tuple[Paths, Summary]:
    return told(tmp_path_factory.mktemp("beside"), configured())


def rows(summary: Summary, **wanted: str) -> list[dict[str, str]]:
    found = csv.DictReader(io.StringIO(systems_table(summary).to_csv()))
    return [row for row in found if wanted.items() <= row.items()]


def test_every_system_has_a_row_on_every_set(beside: tuple[Paths, Summary]) -> None:
    _, summary = beside
    on_pydoc = rows(summary, backbone="pydoc")
    assert [row["system"] for row in on_pydoc][:3] == ["bm25", "theirs", "tuned"]
    assert sum(row["origin"] == "trained here" for row in on_pydoc) == 4  # the best of each backbone
    (theirs,) = rows(summary, backbone="pydoc", system="theirs")
    assert float(theirs["MRR@10"]) == pytest.approx(0.62, abs=1e-6) and theirs["origin"] == "taken as it is"
    (elsewhere,) = rows(summary, backbone="pydoc-ood", system="tuned")
    assert elsewhere["origin"] == "not run" and elsewhere["MRR@10"] == ""
    (mean,) = rows(summary, backbone="mean", system="theirs")
    assert float(mean["MRR@10"]) == pytest.approx(0.62 * 0.85, abs=1e-6)


def test_the_difference_is_that_of_the_files(alone: tuple[Paths, Summary]) -> None:
    import pandas as pd

    paths, summary = alone
    held = compared(summary)
    ours = pd.read_parquet(paths.results / "runs/ready/theirs/k1/ready/scores/pydoc.per-query.parquet")
    bm25 = pd.read_parquet(paths.results / "bm25/scores/pydoc.per-query.parquet")
    apart = ours["MRR@10"].to_numpy() - bm25["MRR@10"].to_numpy()
    assert held[("theirs", "pydoc")].difference == pytest.approx(apart.mean())
    rng = np.random.default_rng(5)
    signs = rng.choice([-1.0, 1.0], size=(4000, len(apart)))
    p = np.mean(np.abs(signs @ apart) >= abs(apart.sum()) - 1e-12)
    assert held[("theirs", "pydoc")].p == pytest.approx(p, abs=0.03)
    assert set(held) == {("theirs", "pydoc"), ("theirs", "pydoc-ood"), ("theirs", ""), ("tuned", "pydoc")}
    against = compared(summary, "theirs")
    assert against[("bm25", "pydoc")].difference == pytest.approx(-apart.mean())


def test_they_stand_in_the_main_table_and_take_no_part_in_a_choice(beside: tuple[Paths, Summary]) -> None:
    _, summary = beside
    found = {row.values["variant"].text: row for row in main_table(summary).rows}
    assert found["Theirs"].kind == found["A tuned BM25"].kind == "baseline"
    assert found["Theirs"].values["verdict"].text == "by others"


def test_a_page_without_training_says_so_and_asks_no_claim(alone: tuple[Paths, Summary]) -> None:
    paths, summary = alone
    assert claims_of(summary) == []
    (page,) = make_pages(summary.config, paths)
    html = page.read_text()
    assert "Theirs reaches" in html and "Trained here" in html and "A tuned BM25" in html
    assert 'id="claims"' not in html and "Verdicts" not in html and ">nan<" not in html
    names = {path.stem for path in make_tables(summary.config, paths)}
    assert names == {"systems", "data"}


@pytest.mark.usefixtures("undrawn")
def test_a_page_with_both_has_the_systems_beside_the_claims(beside: tuple[Paths, Summary]) -> None:
    paths, summary = beside
    html = make_pages(summary.config, paths, ["index"])[0].read_text()
    assert "Systems side by side" in html and 'id="claims"' in html and "By others" in html


def test_what_speaks_against_the_models_comes_first(tmp_path: Path) -> None:
    _, worse = told(tmp_path / "worse", configured(**ALONE), theirs=0.3)
    assert systems_lead(worse).startswith("BM25 reaches")
    _, nothing = told(tmp_path / "nothing", configured(**ALONE), theirs=None, tuned=None)
    assert systems_lead(nothing).startswith("None of the systems")
    assert [place.system.key for place in places(nothing)] == ["bm25"]
    assert make_pages(nothing.config, nothing.results.paths)


def test_published_numbers_of_a_model_are_held_against_it(tmp_path: Path) -> None:
    values = configuration()
    values["datasets"]["msmarco-dev"] = values["datasets"].pop("pydoc")
    values["backbones"]["theirs"] = {"source": "hub", "id": "naver/splade-v3", "revision": "main", "title": "Theirs"}
    alone = {**ALONE, "in_domain": ["msmarco-dev"], "runs": {}, "published": "ready"}
    values["experiments"]["mini"] = alone
    for quality, verdict in ((0.404, "reproduced"), (0.38, "not reproduced")):
        _, summary = told(tmp_path / verdict.replace(" ", "-"), build_config(values), theirs=quality)
        found = {
            (row.key, row.values["measure"].text): row.values["verdict"].text
            for row in published_table(summary, load_published("ready")).rows
        }
        assert found[("splade-v3", "MS MARCO dev, MRR@10")] == verdict
        assert found[("splade-v3", "BEIR, mean of 13, nDCG@10")] == "not run"
        assert found[("opensearch-doc-v3-gte", "FiQA, nDCG@10")] == "not run"
