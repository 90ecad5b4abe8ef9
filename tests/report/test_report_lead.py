"""The one sentence at the top: from the claims, what speaks against it first."""

from dataclasses import replace
from pathlib import Path

import pytest

from rescalade.config import Run
from rescalade.report.claims.claim import Answer, Claim
from rescalade.report.claims.claims import claims_of
from rescalade.report.pages.lead import lead_sentence
from rescalade.report.pages.page import make_pages
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from support.html_pages import parse
from support.synthetic_fates import Fate, mini, papers_way
from support.synthetic_results import write_tree

SHOWS = "paper's effect shows in this run: large-norm heads fail as they are, and divided by k they train"


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    config = mini()
    paths = write_tree(tmp_path_factory.mktemp("lead"), config, queries=24, steps=20)
    return Summary(load_results(config, paths))


def answered(**answers: Answer) -> list[Claim]:
    """Claims with these answers, by their names with `_` for `-`; the effect holds where nothing else is said."""
    given: dict[str, Answer] = {"large_norm_collapses": "holds", "division_rescues": "holds", **answers}
    return [Claim(name.replace("_", "-"), f"Title of {name}", "", "", answer, "") for name, answer in given.items()]


def test_nothing_against_it(summary: Summary) -> None:
    said = lead_sentence(summary, answered(level_with_bm25="holds", small_norm_unharmed="mixed"))
    assert said.startswith(f"The {SHOWS}")


def test_what_speaks_against_it_comes_first(summary: Summary) -> None:
    said = lead_sentence(summary, answered(level_with_bm25="does not hold", offset_alone="holds"))
    assert said.startswith(
        "The best model falls short of BM25 and the offset b alone makes a head of one row norm fail"
    )
    assert said.index("still, the " + SHOWS) > said.index("BM25")


def test_an_effect_that_does_not_show_comes_before_all_else(summary: Summary) -> None:
    said = lead_sentence(summary, answered(large_norm_collapses="does not hold", level_with_bm25="does not hold"))
    assert said.startswith("The paper's effect does not show in this run: ") and said.endswith("short of BM25.")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (
            ("holds", "holds", "holds", "holds", "holds", "holds"),
            "Without adaptation a causal model dies in this run; adaptation prevents it; an offset at the start "
            "prevents it; an offset at the start does no worse than adaptation; two-way attention and writing the text "
            "twice improve on one-way attention.",
        ),
        (
            ("holds", "does not hold", "holds", "cannot be said", "holds", "cannot be said"),
            "Adaptation prevents no collapse; without adaptation a causal model dies in this run; an offset at the "
            "start prevents it; two-way attention improves on one-way attention.",
        ),
        (
            ("does not hold", "not run", "not run", "not run", "does not hold", "not run"),
            "A causal model trains without adaptation in this run; two-way attention gains nothing.",
        ),
    ],
)
def test_of_causal_backbones_it_says_what_was_done_to_them(
    summary: Summary, answers: tuple[Answer, ...], said: str
) -> None:
    names = (
        "unadapted_dies",
        "adaptation_prevents",
        "offset_prevents",
        "offset_replaces_adaptation",
        "bi_beats_causal",
        "echo_beats_causal",
    )
    assert lead_sentence(summary, answered(**dict(zip(names, answers, strict=True)))) == said


def test_many_against_it_are_counted(summary: Summary) -> None:
    names = ("level_with_bm25", "norm_alone", "small_norm_unharmed", "first_loss_falls", "of_a_paper")
    said = lead_sentence(summary, answered(**dict.fromkeys(names, "does not hold")))
    assert "2 more results against it; still, the" in said and "first" not in said
    assert "\u201cTitle of of_a_paper\u201d does not hold; still" in lead_sentence(
        summary, answered(of_a_paper="does not hold")
    )


@pytest.mark.usefixtures("undrawn")
def test_one_sentence_on_the_page_and_a_board_of_all_verdicts(tmp_path: Path) -> None:
    def fate(run: Run) -> Fate:
        return replace(papers_way(run), mrr=0.003, verdict="dead")

    config = mini()
    paths = write_tree(tmp_path, config, fate, queries=24, steps=20)
    (page,) = make_pages(config, paths, ["index"])
    text = page.read_text(encoding="utf-8")
    lead = text[text.index('<p class="lead">') + len('<p class="lead">') : text.index("</header>")].split("</p>")[0]
    assert lead == (
        "The recipe failed in this run: 22 of 22 runs collapsed, small-norm heads at k = 1 too, so it is no effect of "
        "a large norm."
    )
    board = text[text.index('class="board"') : text.index('id="run"')]
    claims = claims_of(Summary(load_results(config, paths)))
    assert [board.index(f'href="#claim-{claim.id}"') for claim in claims] == sorted(
        board.index(f'href="#claim-{claim.id}"') for claim in claims
    )
    assert board.count("<li") == len(claims)
    assert text.index('id="figure-quality"') < text.index('class="board"') < text.index('id="run"')
    words = parse(page).words
    assert {claim.title for claim in claims} <= {word.strip() for word in words}
