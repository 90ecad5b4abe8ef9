"""Values per query by column and seed: their macro means are the numbers of the main table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from rescalade.report.results.load import load_results
from rescalade.report.results.paired import PerQuery, averaged, differences, macro_mean, seed_arrays
from rescalade.report.results.summary import Summary
from support.synthetic_fates import mini, ugly
from support.synthetic_results import write_tree


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    config = mini()
    return Summary(load_results(config, write_tree(tmp_path_factory.mktemp("paired"), config, ugly, queries=31)))


def test_macro_means_are_the_tables(summary: Summary) -> None:
    """31 queries in four groups: the groups differ in size, so the mean over groups is not that over queries."""
    values = PerQuery(summary)
    cell = summary.cell("bert-large", 16)
    assert cell is not None
    for domain, quality in (("in-domain", summary.in_domain), ("out-of-domain", summary.out_of_domain)):
        found = values.of(cell, domain)
        assert found is not None and all(len(table) == 2 for table in found.values())
        one_row = {name: table.mean(axis=0).to_numpy() for name, table in found.items()}
        assert macro_mean(one_row) == pytest.approx(np.mean([quality(run) for run in cell.made]))
        reached = values.bm25(domain)
        assert reached is not None
        expected = (
            summary.in_domain_quality(summary.results.bm25)
            if domain == "in-domain"
            else summary.out_of_domain_quality(summary.results.bm25)
        )
        assert macro_mean({name: table.to_numpy()[0] for name, table in reached.items()}) == pytest.approx(expected)
        paired = differences(found, reached)
        assert macro_mean(paired) == pytest.approx(macro_mean(one_row) - expected)
    assert set(found) == {f"pydoc-ood: {name}" for name in ("numpy", "pandas", "scipy", "stdlib")}
    assert sorted(table.shape[1] for table in found.values()) == [7, 8, 8, 8]


def test_a_seed_that_lacks_a_set_is_left_out_and_nothing_of_it_is_none(summary: Summary) -> None:
    values = PerQuery(summary)
    partly, never = summary.cell("modernbert-small", 4), summary.cell("bert-small", 4, "untied")
    assert partly is not None and never is not None
    found = values.of(partly, "in-domain")
    assert found is not None
    assert found["pydoc"].shape == (1, 31)
    assert values.of(never, "in-domain") is None


def test_what_is_not_finite_counts_as_nothing_found(summary: Summary) -> None:
    cell = summary.cell("modernbert-large", 16)
    assert cell is not None
    found = PerQuery(summary).of(cell, "in-domain")
    assert found is not None
    assert (found["pydoc"].iloc[0] == 0).all() and (found["pydoc"].iloc[1] > 0).all()


def test_pairs_by_the_name_of_the_query_not_by_its_place() -> None:
    ours = {"a": pd.DataFrame([[0.1, 0.2, 0.4], [0.3, 0.2, 0.0]], columns=["q1", "q2", "q3"])}
    theirs = {"a": pd.DataFrame([[0.5, 0.1]], columns=["q3", "q1"])}
    first, second = seed_arrays(ours, theirs)
    assert first["a"].tolist() == [[0.1, 0.4], [0.3, 0.0]] and second["a"].tolist() == [[0.1, 0.5]]
    assert differences(ours, theirs)["a"] == pytest.approx([0.1, -0.3])


def test_a_group_of_cells_is_the_mean_of_its_cells_not_of_its_runs() -> None:
    two_seeds = {"a": pd.DataFrame([[0.0, 0.2], [0.2, 0.4]], columns=["q1", "q2"])}
    one_seed = {"a": pd.DataFrame([[0.9, 0.5, 1.0]], columns=["q2", "q1", "q3"])}
    found = averaged([two_seeds, one_seed])
    assert found is not None
    assert found["a"].to_dict("records") == [{"q1": pytest.approx(0.3), "q2": pytest.approx(0.6)}]
    assert averaged([]) is None
