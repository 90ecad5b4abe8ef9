"""Measures by name: what is understood, what is refused, and values worked by hand."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from pytrec_eval import RelevanceEvaluator

from rescalade.config import Config, build_config, load_config
from rescalade.errors import UserError
from rescalade.scoring.measures import COMPUTED, measure, scored, tabulated
from rescalade.scoring.score import score_queries
from support.synthetic_fates import configuration

PACKAGE = Path(__file__).parents[2] / "workflow" / "rescalade"


@pytest.mark.parametrize(
    ("text", "name", "cut", "graded"),
    [
        ("MRR@10", "MRR@10", 10, False),
        ("RR@10", "MRR@10", 10, False),
        ("R@100", "Recall@100", 100, False),
        ("NDCG@20", "nDCG@20", 20, True),
        (" nDCG @ 5 ", "nDCG@5", 5, True),
        ("AP", "AP", None, False),
        ("MAP", "AP", None, False),
        ("P(rel=2)@10", "P(rel=2)@10", 10, False),
        ("SetF(beta=2)", "SetF(beta=2.0)", None, False),
        ("IPrec@1", "IPrec@1.0", None, False),
        ("nDCG(gains={1: 1, 2: 3})@10", "nDCG(gains={1: 1, 2: 3})@10", 10, True),
    ],
)
def test_a_measure_by_its_name(text: str, name: str, cut: int | None, graded: bool) -> None:
    found = measure(text)
    assert (found.name, found.cut, found.graded, found.default) == (name, cut, graded, 0.0)
    assert measure(found.name) == found
    with pytest.raises(FrozenInstanceError):
        found.name = "other"  # type: ignore[misc]


def test_recall_is_short_in_the_head_of_a_column() -> None:
    assert [measure(name).short for name in ("Recall@1000", "MRR@10")] == ["R@1000", "MRR@10"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("MMR@10", "unknown measure 'MMR@10'; did you mean 'MRR@10'?"),
        ("ndcg@10", "unknown measure 'ndcg@10'; did you mean 'nDCG@10'?"),
        ("zzz", "unknown measure 'zzz'; known: AP, "),
        ("AP(rell=2)", "AP(rell=2): AP takes no rell; did you mean 'rel'?"),
        ("Bpref@10", "Bpref@10: Bpref takes nothing after @"),
        ("P", "P: P needs a number after @: ranking cutoff threshold"),
        ("P@0", "P@0: 0 is no ranking cutoff threshold"),
        ("P@True", "P@True: True is no ranking cutoff threshold"),
        ("nDCG@1.5", "nDCG@1.5: 1.5 is no ranking cutoff threshold"),
        ("NumRel", "NumRel is a total over all queries"),
        ("P@ten", "'P@ten' is not written like a measure; expected one like nDCG@10"),
        ("P(2)@10", "'P(2)@10' is not written like a measure"),
        ("__import__('os')", "\"__import__('os')\" is not written like a measure"),
        ("", "'' is not written like a measure"),
    ],
)
def test_what_is_no_measure_is_said_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as told:
        measure(text)
    assert "\n" not in str(told.value)


def test_a_measure_that_another_program_computes_names_it() -> None:
    if subprocess.run([sys.executable, "-c", "import pyndeval"], capture_output=True).returncode == 0:
        pytest.skip("pyndeval is installed")
    with pytest.raises(ValueError, match=r"alpha_nDCG@20 needs another program: pip install ir-measures\[pyndeval\]"):
        measure("alpha_nDCG@20")


QRELS = {"q": {"a": 1, "b": 2, "c": 0, "far": 1}}
RUN = {"q": [("x", 4.0), ("b", 3.0), ("c", 3.0), ("a", 1.0)]}


def value(name: str, minimum_grade: int = 1) -> float:
    return score_queries(QRELS, RUN, [measure(name)], minimum_grade)["q"][measure(name).name]


def test_measures_worked_by_hand() -> None:
    # relevant at ranks 2 (grade 2) and 4 (grade 1) of 4; one more is not found
    assert value("P@2") == 1 / 2
    assert value("P@10") == 2 / 10
    assert value("AP") == pytest.approx((1 / 2 + 2 / 4) / 3)
    assert value("AP@2") == pytest.approx(1 / 2 / 3)
    assert value("R@3") == pytest.approx(1 / 3)
    assert value("RR") == value("RR@2") == 1 / 2 and value("RR@1") == 0
    assert value("Rprec") == pytest.approx(1 / 3)
    assert value("Success@1") == 0 and value("Success@2") == 1
    assert value("Judged@4") == 3 / 4
    ideal = 2 + 1 / math.log2(3) + 1 / math.log2(4)
    assert value("nDCG@20") == pytest.approx((2 / math.log2(3) + 1 / math.log2(5)) / ideal)
    assert value("nDCG@3") == pytest.approx(2 / math.log2(3) / ideal)
    gains = (3 / math.log2(3) + 1 / math.log2(5)) / (3 + 1 / math.log2(3) + 1 / math.log2(4))
    assert value("nDCG(gains={2: 3})@20") == pytest.approx(gains)


@pytest.mark.skipif(shutil.which("perl") is None, reason="gdeval is a Perl program")
def test_expected_reciprocal_rank_by_hand() -> None:
    stop = {1: (2**1 - 1) / 16, 2: (2**2 - 1) / 16}  # gdeval: of grades up to 4
    assert value("ERR@10") == pytest.approx(stop[2] / 2 + (1 - stop[2]) * stop[1] / 4, abs=1e-5)  # five digits


@pytest.mark.skipif(shutil.which("perl") is None, reason="gdeval is a Perl program")
def test_judgements_that_a_program_refuses_are_told() -> None:
    with pytest.raises(UserError, match=r"ERR and .* take grades up to 4"):
        score_queries({"q": {"a": 9}}, RUN, [measure("ERR@10")])


def test_a_grade_in_the_name_stands_over_the_minimum_grade() -> None:
    assert value("P@2", minimum_grade=2) == value("P(rel=1)@2", minimum_grade=2) == 1 / 2
    assert value("AP", minimum_grade=2) == 1 / 2  # document b alone
    assert value("AP(rel=1)", minimum_grade=2) == pytest.approx(1 / 3)
    both = score_queries(QRELS, RUN, [measure("AP"), measure("AP(rel=2)")], minimum_grade=2)
    assert both["q"] == {"AP": 1 / 2, "AP(rel=2)": 1 / 2}


def test_each_measure_is_trec_evals_where_nothing_ties() -> None:
    qrels = {f"q{n}": {f"d{i}": (i * n) % 4 for i in range(12)} for n in range(1, 6)}
    run = {f"q{n}": [(f"d{(i * 5 + n) % 20}", 30.0 - i) for i in range(20)] for n in range(1, 6)}
    theirs = {"P@5": "P_5", "AP": "map", "nDCG": "ndcg", "Bpref": "bpref", "Recall@5": "recall_5", "MRR": "recip_rank"}
    evaluator = RelevanceEvaluator(qrels, set(theirs.values()), relevance_level=2)
    expected = evaluator.evaluate({query: dict(hits) for query, hits in run.items()})
    found = score_queries(qrels, run, [measure(name) for name in theirs], minimum_grade=2)
    assert found == {
        query: {name: values[other] for name, other in theirs.items()} for query, values in expected.items()
    }


def test_grades_below_minus_one_are_not_relevant_and_break_nothing(tmp_path: Path) -> None:
    """In a process of its own: pytrec_eval alone ends it with a segmentation fault."""
    script = tmp_path / "score.py"
    script.write_text(
        "from rescalade.scoring.measures import measure\n"
        "from rescalade.scoring.score import score_queries\n"
        "qrels = {'fine': {'a': 0, 'b': 1}, 'spam': {'a': -2}, 'mixed': {'a': -2, 'b': 1}, 'none': {}}\n"
        "run = {query: [('a', 2.0), ('b', 1.0)] for query in qrels}\n"
        "names = ('MRR@10', 'nDCG@10', 'Recall@100', 'AP')\n"
        "print(score_queries(qrels, run, [measure(name) for name in names]))\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env={"PYTHONPATH": str(PACKAGE.parent)}
    )
    assert done.returncode == 0, done.stderr
    found = eval(done.stdout)
    assert found.keys() == {"fine", "spam", "mixed"}  # without judgements there is nothing to say
    assert set(found["spam"].values()) == {0.0}
    assert (
        found["fine"]
        == found["mixed"]
        == pytest.approx({"MRR@10": 0.5, "nDCG@10": 1 / math.log2(3), "Recall@100": 1, "AP": 0.5})
    )


def asking(**entry: object) -> Config:
    values = configuration()
    values["datasets"]["pydoc"] |= entry
    return build_config(values)


def names(config: Config) -> tuple[list[str], list[str]]:
    entry = config.dataset("pydoc")
    return [found.name for found in scored(entry)], [found.name for found in tabulated(entry)]


def test_a_data_set_asks_for_measures() -> None:
    usual = ["MRR@10", "nDCG@10", "Recall@100", "Recall@1000"]
    assert names(asking()) == (usual, ["MRR@10", "nDCG@10", "Recall@1000"])
    assert names(asking(depth=100)) == (usual[:3], usual[:3])
    config = asking(metric="MAP", measures=["P@10", "RR@10", "AP", "R@100"])
    assert names(config)[0] == [*usual, "AP", "P@10"]  # each once, whatever it is called
    assert names(config)[1] == ["MRR@10", "nDCG@10", "Recall@1000", "AP", "P@10", "Recall@100"]


def test_a_wrong_name_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("datasets:\n  pydoc:\n    measures:\n    - AP\n    - MMR@10\n")
    with pytest.raises(UserError) as told:
        load_config([PACKAGE.parents[1] / "config.yaml", path])
    where = f"{path}, line 5: datasets.pydoc.measures"
    assert str(told.value) == f"{where}: unknown measure 'MMR@10'; did you mean 'MRR@10'?"


@pytest.mark.parametrize("entry", [{"metric": "Recall@1000"}, {"measures": ["AP", "nDCG@101"]}])
def test_a_measure_deeper_than_the_search_is_refused(entry: dict[str, object]) -> None:
    with pytest.raises(UserError, match=r"(metric: Recall@1000 looks at 1000|measures: nDCG@101 looks at 101) "):
        asking(depth=100, **entry)


def test_names_of_measures_stand_in_the_table_alone() -> None:
    """What is said of the papers' numbers names their measures; anything else asks the data set."""
    literal = re.compile(r"""["'](MRR|nDCG|Recall|R)@""")
    spelt = {path.name for path in PACKAGE.rglob("*.py") if literal.search(path.read_text())}
    of_papers = {"regret.py", "known.py"}
    assert spelt == {"measures.py", "protocol.py", *of_papers}  # protocol.py for the default


def test_measures_that_are_taken_as_computed_are() -> None:
    """They are not asked for when a configuration is read; pytrec_eval has to have them, at a cut and with a grade."""
    from ir_measures import DefaultPipeline

    for name in COMPUTED:
        found = measure({"RR": "MRR", "R": "Recall"}.get(name, name) + "@10")
        assert DefaultPipeline.supports(found.counted_from(1)) and DefaultPipeline.supports(found.counted_from(2)), name
    with pytest.raises(ValueError, match=r"computes it|needs another program"):
        measure("nDCG(dcg='exp-log2', judged_only=True)@10")
