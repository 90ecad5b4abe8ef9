"""Pages and tables made of audits alone."""

import csv
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rescalade.errors import UserError
from rescalade.report.audit import audit_page
from rescalade.report.audit.audit_page import file_names, write_audit_page
from rescalade.report.pages.template import template_text
from support.html_pages import parse
from support.synthetic_audits import invented_audit
from support.synthetic_fates import REPOSITORY


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("audits") / "made"
    large = invented_audit("bert-large", "bert", 15.2)
    gemma = invented_audit("owner/gemma <2>", "gemma2", 1.2, inflate=12.0)
    write_audit_page([large, gemma], target)
    return target


def rows(folder: Path, table: str, **keys: str) -> list[dict[str, str]]:
    with (folder / f"{table}.csv").open(encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if all(row[key] == value for key, value in keys.items())]


def test_files(folder: Path) -> None:
    tables = {f"{name}.csv" for name in ("head-norms", "predicted", "scales", "modes")}
    plots = {f"{name}.{suffix}" for name in ("bert-large", "owner-gemma-2") for suffix in ("svg", "pdf")}
    assert {path.name for path in folder.iterdir()} == {"audit.html", *tables, *plots}


def test_the_page_is_whole_and_fetches_nothing(folder: Path) -> None:
    page = folder / "audit.html"
    found = parse(page)
    assert len(found.ids) == len(set(found.ids))
    assert {target for _, _, target in found.links if not target.startswith("#")} == {"data:,"}
    assert {target[1:] for _, _, target in found.links if target.startswith("#")} <= set(found.ids)
    html = page.read_text(encoding="utf-8")
    assert "<script" not in html
    assert html.count('<svg viewBox="') == 8  # four panels for each
    assert "prefers-color-scheme: dark" in html
    assert "<2>" not in html, "names are escaped"
    for used in found.tables:
        assert {"caption", "th[scope]"} <= used


def test_the_page_says_warnings_known_runs_and_rules_in_words(folder: Path) -> None:
    text = " ".join(" ".join(parse(folder / "audit.html").words).split())
    # at k = 1 the scores spread by 40; of the kept runs those from 20 to 80, by a count of the lines of the file.
    # bert-large begins at 31 * 15.2 = 471.2; of the paper's cells those from 275 to 1,099, with 128 candidates in place
    # of 64, which are ModernBERT at 600 and Ettin at 381 and 926
    known = "boolq-x12: 2 of 2 trained; boolq: 4 of 4 trained; mini: 2 of 6 trained; why: 7 of 15 trained"
    said = "1 warning bert-large Warnings invented warning at loss 471.2 Start too large Known runs that began alike "
    assert f"{said}{known}; arXiv 2606.18811: 3 of 3 trained" in text
    gemma = (
        "1 warning owner/gemma <2> (inflated x12) Warnings invented warning at loss 37.2 Start too large Known runs "
        "that began alike "
    )
    assert f"{gemma}{known} k by rule" in text
    assert "Advice The scores spread by 0.0121 to 37.8 over the temperature" in text
    assert "width 4, norm 16, activation 1, score 1, loss 32" in text
    assert "invented target of width" in text
    assert "no norm before the decoder" in text
    assert "pydoc (32 queries and 64 documents)" in text


def test_new_fields_reach_the_tables(folder: Path) -> None:
    (head,) = rows(folder, "head-norms", model="gemma2")
    assert (head["soft_cap"], head["norm"], head["warnings"]) == ("30", "RMSNorm", "invented warning at loss 37.2")
    assert head["modes"] == "tied exact, untied exact, folded refused, multiplier exact"
    (large,) = rows(folder, "head-norms", model="bert")
    assert (large["soft_cap"], large["alike"][:20], large["step0_loss"]) == (
        "",
        "boolq-x12: 2 of 2 trained"[:20],
        "471.2",
    )
    assert large["modes"] == "tied error 0.220, untied exact, folded refused, multiplier exact"
    (entry,) = rows(folder, "scales", backbone="bert-large", k="8", mode="untied")
    # 70 / 8, .5 / 8, 2 / 8 and 40 / 8; 31 * 15.2 / 8 = 58.9 is above 10
    found = [float(entry[key]) for key in ("gradient_norm", "activation_mean", "bf16_step", "score_sd", "step0_loss")]
    assert found == [8.75, 0.0625, 0.25, 5.0, 58.9]
    assert (entry["warnings"], entry["start"], entry["alike"]) == (
        "invented warning at loss 58.9",
        "inside",
        "boolq-x12: 8 of 8 trained; boolq: 8 of 8 trained; why: 24 of 24 trained",
    )
    pooled = [float(entry[key]) for key in ("pooled_positive", "first_token", "last_token", "offset_mean", "offset_sd")]
    assert pooled == [0.045, 0.2, 0.1, -1.5, 0.75]
    assert [row["status"] for row in rows(folder, "modes", backbone="bert-large")] == [
        "error", "exact", "refused", "exact",
    ]  # fmt: skip
    assert [row["predicted_power"] for row in rows(folder, "predicted", backbone="bert-large")] == [
        "4", "16", "1", "1", "32",
    ]  # fmt: skip


@pytest.mark.usefixtures("undrawn")
def test_without_k_1_nothing_is_said_of_the_head_as_it_is(tmp_path: Path) -> None:
    audit = invented_audit("some", "bert", 2.5)
    divided = tuple(entry for entry in audit.scales if entry.k > 1)
    write_audit_page([audit.model_copy(update={"scales": divided})], tmp_path)
    assert "not measured" in " ".join(parse(tmp_path / "audit.html").words)
    assert [(row["mean"], row["alike"]) for row in rows(tmp_path, "head-norms", name="some")] == [("2.5", "")]


@pytest.mark.usefixtures("undrawn")
def test_small_numbers_keep_their_digits(tmp_path: Path) -> None:
    audit = invented_audit("tiny", "bert", 0.9)
    first = audit.scales[0].model_copy(update={"activation_mean": 0.000471})
    write_audit_page([audit.model_copy(update={"scales": (first,)})], tmp_path)
    assert "0.00047" in " ".join(parse(tmp_path / "audit.html").words)


def test_names_of_files_are_plain_and_different() -> None:
    found = file_names(["owner/name", "owner-name", "/models/x y", "..", "audit", "head-norms"])
    assert found == ["owner-name", "owner-name-2", "models-x-y", "backbone", "audit-2", "head-norms-2"]


def test_no_audit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="at least one audit"):
        write_audit_page([], tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_a_page_that_fails_leaves_the_old_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (folder / "audit.html").read_bytes()

    def fail(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(audit_page, "save_figure", fail)
    with pytest.raises(RuntimeError):
        write_audit_page([invented_audit("bert-large", "bert", 1.0)], folder)
    assert (folder / "audit.html").read_bytes() == before
    assert not list(folder.glob(".*.part"))


def test_the_same_audits_give_the_same_bytes(tmp_path: Path) -> None:
    audits = [invented_audit("bert-large", "bert", 15.2)]
    for name in ("a", "b"):
        write_audit_page(audits, tmp_path / name)
    files = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}


def test_templates_are_part_of_the_package() -> None:
    """A wheel has the files that package-data names; a page may use no others."""
    package = REPOSITORY / "workflow/rescalade"
    with (REPOSITORY / "pyproject.toml").open("rb") as stream:
        patterns = tomllib.load(stream)["tool"]["setuptools"]["package-data"]["rescalade"]
    shipped = {path.name for pattern in patterns for path in package.glob(pattern)}
    used = set()
    for path in (package / "report/templates").iterdir():
        used |= {path.name, *re.findall(r'"([\w.]+\.(?:j2|css))"', template_text(path.name))}
    assert used <= shipped
    assert {"audit.html.j2", "page.css"} <= used
