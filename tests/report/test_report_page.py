"""The pages: what they say, what they refuse, what they must not contain."""

import re
from pathlib import Path

import pytest

from rescalade.errors import UserError
from rescalade.paths import Paths
from rescalade.progress import read_headline
from rescalade.report.pages.page import make_pages
from support.html_pages import Pages, parse
from support.synthetic_fates import many, mini
from support.synthetic_results import MADE, change, write_tree


@pytest.fixture
def pages(ugly_pages: Pages) -> list[Path]:
    return ugly_pages.paths


def test_one_index_and_one_page_per_backbone(pages: list[Path]) -> None:
    assert [path.name for path in pages] == ["index.html", *(f"{name}.html" for name in mini().backbones())]


def test_well_formed_with_unique_ids_and_working_links(pages: list[Path]) -> None:
    for path in pages:
        found = parse(path)
        assert len(found.ids) == len(set(found.ids)), path
        for tag, key, target in found.links:
            if target.startswith("#"):
                assert target[1:] in found.ids, target
            elif target.startswith("https://"):
                assert (tag, key) == ("a", "href"), "a link may leave the page, a resource may not"
            elif target != "data:,":
                assert (path.parent / target).is_file(), target


def test_nothing_is_fetched(pages: list[Path]) -> None:
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert "<script" not in text
        assert "@import" not in text
        assert not re.search(r"url\((?!#)", text)


def test_no_nan_is_shown(pages: list[Path]) -> None:
    for path in pages:
        words = " ".join(parse(path).words)
        assert not re.search(r"(?<![\w-])([Nn]a[Nn]|[+-]?inf|None|Undefined)(?![\w-])", words), path
    missing = '<span title="no value: not run, not scored or not finite">–</span>'
    assert missing in pages[0].read_text(encoding="utf-8")


def test_tables_have_captions_and_scopes(pages: list[Path]) -> None:
    for path in pages:
        for used in parse(path).tables:
            assert {"caption", "th[scope]"} <= used
            assert "th" not in used


def test_what_failed_is_said_in_words(pages: list[Path]) -> None:
    text = " ".join(parse(pages[0]).words)
    for words in ("✕ dead since steps 15 and 16", "✕ lost", "not run", "★ best", "3 of 22 runs are missing", "BM25"):
        assert words in text
    assert "say nothing about each other" in text, "numbers of mini are not compared with the paper's"


def test_provenance(pages: list[Path]) -> None:
    text = " ".join(parse(pages[0]).words)
    for words in (
        MADE.git,
        MADE.cpu,
        "torch 2.13.0",
        "bm25s absent",
        "experiment=mini",
        "abababab",
        "BSD-3-Clause",
    ):
        assert str(words) in text


@pytest.mark.usefixtures("undrawn")
def test_titles_are_escaped_and_inflated_backbones_labelled(tmp_path: Path) -> None:
    config = many(4, (1, 4))
    made = write_tree(tmp_path, config, queries=20, steps=20)
    index, *others = make_pages(config, made, ["index", *config.backbones()[:2]])
    text = index.read_text(encoding="utf-8")
    assert "Network_01 &amp; Söhne &lt;1&gt; (inflated x16)" in text
    for name in re.findall(r"Network_0[13] &amp; Söhne &lt;\d&gt;(.{15})", text):
        assert name.startswith(" (inflated x16)")
    assert "(inflated x16)" not in parse(others[0]).words[0]
    assert "(inflated x16)</h1>" in others[1].read_text(encoding="utf-8")


def small(root: Path) -> Paths:
    return write_tree(root, mini(seeds=[1]), queries=20, steps=20)


@pytest.mark.parametrize(
    ("record", "key", "run"),
    [
        ("runs/mini/bert-large/k16/seed1/train.record.json", "learning_rate", "mini/bert-large/k16/seed1"),
        ("backbones/bert-small/record.json", "pretrain", "bert-small"),
        ("data/pydoc/record.json", "limit", "pydoc"),
        ("bm25/retrieved/pydoc.record.json", "depth", "bm25"),
    ],
)
def test_results_of_other_settings_are_refused(tmp_path: Path, record: str, key: str, run: str) -> None:
    paths = small(tmp_path)
    change(paths.results / record, lambda value: value["settings"].update({key: 0.125}))
    with pytest.raises(UserError) as caught:
        make_pages(mini(seeds=[1]), paths)
    message = str(caught.value)
    assert "\n" not in message
    for words in (run, key, "0.125", "expected", "found"):
        assert words in message
    assert not (paths.report / "mini/index.html").exists()


def test_a_changed_configuration_is_refused(tmp_path: Path) -> None:
    paths = small(tmp_path)
    config = mini(seeds=[1], train={"learning_rate": 5.0e-4})
    with pytest.raises(UserError, match=r"learning_rate: expected 0.0005 .*found 0.001"):
        make_pages(config, paths)


@pytest.mark.usefixtures("undrawn")
def test_a_missing_record_is_told(tmp_path: Path) -> None:
    paths = small(tmp_path)
    (paths.results / "runs/mini/bert-small/k1/seed1/train.record.json").unlink()
    index, _ = make_pages(mini(seeds=[1]), paths, ["index", "bert-small"])
    assert "1 outputs carry no record" in " ".join(parse(index).words)


def test_no_results_at_all(tmp_path: Path) -> None:
    (index,) = make_pages(mini(), Paths(tmp_path / "results", tmp_path / "report"), ["index"])
    assert "None of the runs of this experiment has been made yet" in " ".join(parse(index).words)


@pytest.mark.usefixtures("undrawn")
def test_published_numbers_are_shown_where_asked_for(tmp_path: Path) -> None:
    config = mini(seeds=[1], published="rescaling")
    paths = write_tree(tmp_path, config, queries=20, steps=20)
    text = " ".join(parse(make_pages(config, paths, ["index"])[0]).words)
    assert "136 numbers of" in text
    assert "Effectiveness: 0 of 76 reproduced, 76 not run." in text


def test_the_claims_are_logged_as_headlines(ugly_pages: Pages) -> None:
    """The terminal shows them where the call ends, read from the log of the job."""
    page = parse(ugly_pages.paths[0])
    headlines = [line for line in map(read_headline, ugly_pages.logged) if line is not None]
    assert len(headlines) >= 8
    assert headlines[-1].startswith("The paper's effect shows"), "the sentence that the page opens with"
    assert headlines[-1] in " ".join(page.words)
    for line in headlines[:-1]:
        sign, result, title = line[0], line[2:16].strip(), line[17:]
        assert sign in "✓✕◐?–" and result in ("holds", "does not hold", "mixed", "cannot be said", "not run")
        assert title in " ".join(page.words)


def test_a_backbone_page_rests_on_its_own_results(tmp_path: Path) -> None:
    """So that `snakemake -- bert-small` can make it while another backbone is stale or has not been trained."""
    config = mini(seeds=[1])
    paths = small(tmp_path)
    alone = make_pages(config, paths, ["bert-small"])[0].read_bytes()
    record = paths.results / "runs/mini/bert-large/k16/seed1/train.record.json"
    change(record, lambda value: value["settings"].update(learning_rate=0.125))
    change(record.with_name("outcome.json"), lambda value: value.update(first_loss=1.0e9))
    assert make_pages(config, paths, ["bert-small"])[0].read_bytes() == alone
    with pytest.raises(UserError, match="learning_rate"):
        make_pages(config, paths, ["index"])


def test_an_unknown_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean 'bert-small'"):
        make_pages(mini(), Paths(tmp_path / "results", tmp_path / "report"), ["bert-smal"])
