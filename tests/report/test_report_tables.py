"""Tables against numbers taken from the synthetic tree by another route: json and csv, no report code."""

import csv
import json
import math
import re
import statistics
from pathlib import Path

import pytest

from rescalade.config import build_config
from rescalade.errors import UserError
from rescalade.outcome import Outcome
from rescalade.paths import Paths
from rescalade.report import tables
from rescalade.report.pages.page import make_pages
from rescalade.report.tables.tables import entries, make_tables
from support.html_pages import parse
from support.synthetic_fates import configuration, many, mini, papers_way, ugly
from support.synthetic_results import change, write_tree


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    paths = write_tree(tmp_path_factory.mktemp("told"), mini())
    make_tables(mini(), paths)
    return paths


@pytest.fixture(scope="module")
def accidents(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    paths = write_tree(tmp_path_factory.mktemp("ugly"), mini(), ugly)
    make_tables(mini(), paths)
    return paths


def rows(paths: Paths, name: str) -> list[dict[str, str]]:
    with (paths.report / "mini" / "tables" / f"{name}.csv").open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def row(paths: Paths, name: str, **keys: str) -> dict[str, str]:
    found = [r for r in rows(paths, name) if all(r[k] == v for k, v in keys.items())]
    assert len(found) == 1, (keys, found)
    return found[0]


def metric(paths: Paths, run: str, dataset: str, name: str) -> float:
    return json.loads((paths.results / "runs" / run / "scores" / f"{dataset}.json").read_text())["metrics"][name]


def test_every_table_is_written_as_csv_and_latex(told: Paths) -> None:
    names = {path.name for path in (told.report / "mini" / "tables").iterdir()}
    stems = (
        "main",
        "runs",
        "head-norms",
        "prediction",
        "predicted-against-best",
        "regret",
        "comparisons",
        "data",
        "protocol",
    )
    assert names == {f"{stem}.{suffix}" for stem in stems for suffix in ("csv", "tex")}


ADDED = """
from rescalade.report.tables.table import Column, Entry, Row, Table, text

def rows_of(summary):
    rows = [Row({"word": text(name)}) for name in summary.config.backbones()]
    return Table("added", "A table of one file", "Names.", [Column("word", "Word", numeric=False)], rows)

ENTRIES = (Entry(rows_of, order=45),)
"""


@pytest.mark.usefixtures("undrawn")
def test_a_new_table_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the folder, here of a folder beside it, becomes files and stands at its place on the page."""
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "of_one_file.py").write_text(ADDED)
    monkeypatch.setattr(tables, "__path__", [*tables.__path__, str(tmp_path / "tables")])
    paths = Paths(tmp_path / "results", tmp_path / "report")
    names = [path.stem for path in make_tables(mini(), paths) if path.suffix == ".csv"]
    assert names[names.index("head-norms") :][:3] == ["head-norms", "added", "prediction"]
    assert [r["word"] for r in rows(paths, "added")] == mini().backbones()
    (page,) = make_pages(mini(), paths, ["index"])
    assert "A table of one file" in parse(page).words


def test_places_of_tables_differ() -> None:
    places = [entry.order for entry in entries()]
    first = [entry.explained for entry in entries() if entry.explained is not None]
    assert len(set(first)) == len(first)
    assert len(set(places)) == len(places) == 23


def test_what_a_recipe_guesses_is_a_table(tmp_path: Path) -> None:
    values = configuration()
    guess = {"open": "seeds", "here": "two", "why": "none are given"}
    values["recipes"]["mini"] |= {"source": "a paper", "guesses": [guess, {"open": "bias", "here": "kept"}]}
    config = build_config(values)
    paths = Paths(tmp_path / "results", tmp_path / "report")
    make_tables(config, paths)
    assert rows(paths, "guesses") == [guess, {"open": "bias", "here": "kept", "why": ""}]
    assert "source of recipe mini leaves open: a paper." in (tmp_path / "report/mini/tables/guesses.tex").read_text()


def test_mean_and_sd_over_seeds(told: Paths) -> None:
    values = [metric(told, f"mini/bert-large/k16/seed{seed}", "pydoc", "MRR@10") for seed in (1, 2)]
    found = row(told, "main", backbone="bert-large", variant="k16")
    # CSV keeps six significant digits
    assert float(found["pydoc_MRR@10"]) == pytest.approx(statistics.mean(values), rel=1e-5)
    assert float(found["pydoc_MRR@10_sd"]) == pytest.approx(statistics.stdev(values), rel=1e-5)
    assert found["seeds"] == "2"


def test_out_of_domain_mean_is_the_mean_over_groups(told: Paths) -> None:
    found = row(told, "runs", backbone="modernbert-large", variant="k4", seed="2")
    path = told.results / "runs/mini/modernbert-large/k4/seed2/scores/pydoc-ood.json"
    groups = {name: part["nDCG@10"] for name, part in json.loads(path.read_text())["groups"].items()}
    assert sorted(groups) == ["numpy", "pandas", "scipy", "stdlib"]
    for name, value in groups.items():
        assert float(found[f"ood_{name}"]) == pytest.approx(value, rel=1e-5)
    assert float(found["ood_mean"]) == pytest.approx(sum(groups.values()) / 4, rel=1e-5)


def test_row_norms_divide_by_k(told: Paths) -> None:
    found = row(told, "main", backbone="bert-large", variant="k16")
    assert (float(found["row_norm_before"]), float(found["row_norm_after"])) == (15.2, 0.95)  # 15.2 / 16
    assert float(found["row_norm_trained"]) == pytest.approx(0.95 * 1.1)  # the history ends 10 % above


def test_best_k_and_bm25(told: Paths) -> None:
    best = {r["backbone"]: r["variant"] for r in rows(told, "main") if "★" in r["variant"] or r["backbone"] == "bm25"}
    assert best == {"bm25": "BM25"}, "signs belong on the page, not into data"
    assert float(row(told, "main", backbone="bm25")["pydoc_MRR@10"]) == pytest.approx(0.55)
    latex = (told.report / "mini/tables/main.tex").read_text()
    assert latex.count(r"$\star$ best") == 4


def test_verdicts(told: Paths, accidents: Paths) -> None:
    assert row(told, "main", backbone="bert-large", variant="k1")["verdict"] == "dead since steps 15 and 16"
    assert row(told, "runs", backbone="modernbert-large", variant="k1", seed="1")["verdict"] == "saturated since step 3"
    # .05 is below half of .42, and was declared `trained` by the run itself
    assert row(accidents, "main", backbone="bert-large", variant="k4")["verdict"] == "lost"
    assert row(accidents, "main", backbone="bert-small", variant="k4-untied")["verdict"] == "not run"
    mixed = row(accidents, "main", backbone="modernbert-large", variant="k16")["verdict"]
    assert mixed == "non-finite in 1 of 2 since step 0; trained in 1 of 2"


def test_what_encoding_met_stands_with_each_run(told: Paths, tmp_path: Path) -> None:
    assert row(told, "runs", backbone="bert-large", variant="k16", seed="1")["vectors"] == "ok"
    assert row(told, "runs", backbone="modernbert-large", variant="k1", seed="1")["vectors"] == "saturated"
    paths = write_tree(tmp_path, mini())
    scored = paths.results / "runs/mini/bert-large/k16/seed1/scores/pydoc-ood.json"
    change(scored, lambda value: value["encoding"].update(state="non-finite"))
    make_tables(mini(), paths)
    found = row(paths, "runs", backbone="bert-large", variant="k16", seed="1")["vectors"]
    assert found == "non-finite: pydoc-ood; ok: pydoc"


def test_lost_never_overrides_a_declared_collapse(told: Paths) -> None:
    assert metric(told, "mini/bert-large/k1/seed1", "pydoc", "MRR@10") < 0.5 * 0.42
    assert row(told, "runs", backbone="bert-large", variant="k1", seed="1")["verdict"].startswith("dead")


def test_a_missing_run_is_not_run_and_not_a_number(accidents: Paths) -> None:
    found = row(accidents, "runs", backbone="bert-small", variant="k4", seed="2")
    assert (found["verdict"], found["pydoc_MRR@10"], found["step0_loss"]) == ("not run", "", "")
    assert row(accidents, "main", backbone="bert-small", variant="k4")["seeds"] == "1"


def test_nothing_reads_nan(accidents: Paths) -> None:
    for path in (accidents.report / "mini" / "tables").iterdir():
        assert not re.search(r"(?<![\w-])(nan|inf|None)(?![\w-])", path.read_text(encoding="utf-8"), re.IGNORECASE), (
            path
        )


def test_comparisons_are_against_k1_with_holm_over_the_table(told: Paths) -> None:
    found = rows(told, "comparisons")
    # variants beside k1: 2 + 2 + 1 + 2; all 11 variants against BM25; two large heads' best against their twins and
    # against the small heads; in-domain and out-of-domain each
    assert [sum(r["baseline"] == name for r in found) for name in ("k1", "bm25", "small-norm/k1")] == [14, 22, 4]
    assert sum("-small/" in r["baseline"] for r in found) == 4
    assert len(found) == 44
    p = sorted(float(r["p"]) for r in found)
    smallest = min(float(r["p_holm"]) for r in found)
    assert smallest == pytest.approx(len(found) * p[0], rel=1e-4)
    large = row(told, "comparisons", backbone="bert-large", variant="k16", domain="in-domain", baseline="k1")
    assert large["reading"] == "better"
    assert float(large["difference"]) == pytest.approx(0.42 - 0.004, abs=1e-6)


def balanced(text: str) -> bool:
    depth = 0
    for token in re.findall(r"\\.|[{}]", text):
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth < 0:
            return False
    return depth == 0


def test_latex_is_well_formed(tmp_path: Path) -> None:
    config = many(3, (1, 4))
    paths = write_tree(tmp_path, config)
    for path in make_tables(config, paths):
        if path.suffix != ".tex":
            continue
        text = path.read_text(encoding="utf-8")
        assert balanced(text), path
        assert text.count(r"\begin{") == text.count(r"\end{") == 2
        assert not re.search(r"(?<!\\)[_#]", text.replace(r"\label", "")), path
        body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
        columns = len(re.search(r"\\begin{tabular}{(\w+)}", text)[1])  # type: ignore[index]
        for line in body.splitlines():
            if line.endswith(r"\\"):
                spans = [int(n) for n in re.findall(r"\\multicolumn{(\d+)}", line)]
                cells = len(re.findall(r"(?<!\\)&", line)) + 1
                assert cells - len(spans) + sum(spans) == columns, line
    assert r"Network\_01 \& Söhne $<$1$>$ (inflated x16)" in (paths.report / "mini/tables/main.tex").read_text()


def test_one_seed_has_no_sd_and_no_out_of_domain_no_columns(tmp_path: Path) -> None:
    config = mini(seeds=[1], out_of_domain=[])
    paths = write_tree(tmp_path, config)
    make_tables(config, paths)
    found = row(paths, "main", backbone="bert-small", variant="k1")
    assert found["pydoc_MRR@10_sd"] == ""
    assert not [key for key in found if key.startswith("ood_")]


def test_no_results_at_all(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "results", tmp_path / "report")
    make_tables(mini(), paths)
    assert {r["verdict"] for r in rows(paths, "main")} == {"not run"}


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    paths = write_tree(tmp_path, mini(seeds=[1]), papers_way, queries=20, steps=20)
    damaged = paths.results / "runs/mini/bert-small/k1/seed1/outcome.json"
    damaged.write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"outcome\.json"):
        make_tables(mini(seeds=[1]), paths)


@pytest.mark.parametrize("key", sorted(Outcome.model_fields))
def test_a_key_of_an_outcome_that_has_another_name_is_no_missing_value(tmp_path: Path, key: str) -> None:
    config = mini(seeds=[1], grid=[{"backbones": ["bert-small"], "scales": [1]}])
    paths = write_tree(tmp_path, config, queries=20, steps=20)
    outcome = paths.results / "runs/mini/bert-small/k1/seed1/outcome.json"
    change(outcome, lambda value: value.update({f"{key}_": value.pop(key)}))
    with pytest.raises(UserError, match=rf"outcome\.json: {key}: expected .+, found none.*; delete it and"):
        make_tables(config, paths)


def test_tables_are_the_same_twice(told: Paths) -> None:
    folder = told.report / "mini" / "tables"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    make_tables(mini(), told)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_what_is_no_number_reads_as_missing(tmp_path: Path) -> None:
    config = mini(seeds=[1])
    paths = write_tree(tmp_path, config, queries=20, steps=20)
    folder = paths.results / "runs/mini/bert-small/k1/seed1"
    change(folder / "outcome.json", lambda value: value.update(first_loss=math.nan))
    change(folder / "scores/pydoc.json", lambda value: value["metrics"].update({"nDCG@10": math.nan}))
    make_tables(config, paths)
    found = row(paths, "main", backbone="bert-small", variant="k1")
    assert (found["step0_loss"], found["pydoc_nDCG@10"]) == ("", "")
    assert found["pydoc_MRR@10"] != ""
