"""What a page opens with, in a sentence; what speaks against the paper or against the models comes first in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rescalade.config.model import ClaimName
from rescalade.report.claims.claim import Answer, Claim, small_norm_group
from rescalade.report.pages.explained import explained_sentences
from rescalade.report.results.numbers import listed, plural
from rescalade.report.results.summary import Summary

FAILED_SHARE = 0.5
"""Above this share of collapsed runs the recipe is said to have failed."""
SAID = 3
"""Results against it that the sentence names; the others are counted."""
EFFECT = (ClaimName.LARGE_NORM_COLLAPSES, ClaimName.DIVISION_RESCUES)
AGAINST: Mapping[tuple[str, Answer], str] = {
    (ClaimName.LEVEL_WITH_BM25, "does not hold"): "the best model falls short of BM25",
    (ClaimName.OFFSET_ALONE, "holds"): "the offset b alone makes a head of one row norm fail or train",
    (ClaimName.NORM_ALONE, "does not hold"): "a larger norm, with the offset in proportion, does no harm at k = 1",
    (ClaimName.SMALL_NORM_UNHARMED, "does not hold"): "a moderate k harms small-norm heads",
    (ClaimName.SMALL_NORM_UNHARMED_EXACT, "does not hold"): (
        "a moderate k that leaves the encoder alone harms small-norm heads"
    ),
    (ClaimName.FIRST_LOSS_FALLS, "does not hold"): "the loss at step 0 does not fall with k",
}
"""Answers that speak against the paper, its explanation or the models, in words."""


def lead_sentence(summary: Summary, claims: Sequence[Claim]) -> str:
    """What this run found, in one sentence, whether the effect shows or not.

    Where the experiment holds explanations apart, two sentences on these and a shorter one on the claims.
    """
    if not any(run.made for run in summary.results.runs):
        return "None of the runs of this experiment has been made yet; what they would show is missing below."
    answers = {claim.id: claim.result for claim in claims}
    explained = explained_sentences(summary)
    if explained:
        return " ".join([*explained, *_in_short(summary, claims, answers)])
    if ClaimName.UNADAPTED_DIES in answers:
        return _prepared(answers)
    if failed(summary):
        return f"The recipe failed in this run: {_failure(summary)}."
    effect, found = _effect(answers), against(claims)
    if len(found) > SAID:
        found = [*found[:SAID], f"{plural(len(found) - SAID, 'more result')} against it"]
    if not found:
        return f"{effect}."
    words = listed(found)
    if [answers.get(name) for name in EFFECT] == ["holds", "holds"]:
        return f"{words[0].upper()}{words[1:]}; still, {effect[0].lower()}{effect[1:]}."
    return f"{effect}; {words}."


def against(claims: Sequence[Claim]) -> list[str]:
    """What speaks against it beside the effect itself, a clause each."""
    known = {(claim.id, claim.result): claim for claim in claims}
    others = [
        f"\N{LEFT DOUBLE QUOTATION MARK}{claim.title}\N{RIGHT DOUBLE QUOTATION MARK} does not hold"
        for claim in claims
        if claim.id not in set(ClaimName) and claim.result == "does not hold"
    ]
    return [words for key, words in AGAINST.items() if key in known] + others


def failed(summary: Summary) -> bool:
    """Whether most runs collapsed: then nothing follows for the head's norm."""
    return summary.failed_share > FAILED_SHARE


def _failure(summary: Summary) -> str:
    made = sum(run.made for run in summary.results.runs)
    words = f"{round(summary.failed_share * made)} of {plural(made, 'run')} collapsed"
    group = small_norm_group(summary)
    if group and all(cell.collapsed for cell in group):
        words += ", small-norm heads at k = 1 too, so it is no effect of a large norm"
    return words


def _in_short(summary: Summary, claims: Sequence[Claim], answers: Mapping[str, Answer]) -> list[str]:
    """The claims' sentence, what speaks against them counted; nothing where the effect cannot be told."""
    if failed(summary):
        return [f"{_failure(summary)}."]
    if answers.get(EFFECT[0], "not run") in ("not run", "cannot be said"):
        return []
    found = len(against(claims))
    more = f"; {plural(found, 'verdict')} {'speaks' if found == 1 else 'speak'} against it" if found else ""
    return [f"{_effect(answers)}{more}."]


def _prepared(answers: Mapping[str, Answer]) -> str:
    """Of an experiment on what is done to causal backbones before training."""
    dies = {
        "holds": "without adaptation a causal model dies in this run",
        "does not hold": "a causal model trains without adaptation in this run",
        "mixed": "without adaptation a causal model dies in some readings of this run and not in others",
    }.get(answers[ClaimName.UNADAPTED_DIES], "whether a causal model dies without adaptation cannot be said")
    adapted = {
        "holds": "adaptation prevents it",
        "does not hold": "adaptation prevents no collapse",
        "mixed": "adaptation prevents it in some cases",
    }.get(answers.get(ClaimName.ADAPTATION_PREVENTS, "not run"))
    lowered = {
        "holds": "an offset at the start prevents it",
        "does not hold": "an offset at the start prevents no collapse",
        "mixed": "an offset at the start prevents it in some cases",
    }.get(answers.get(ClaimName.OFFSET_PREVENTS, "not run"))
    offset = {
        "holds": "an offset at the start does no worse than adaptation",
        "does not hold": "an offset at the start does not replace adaptation",
        "mixed": "an offset at the start replaces adaptation in some cases",
    }.get(answers.get(ClaimName.OFFSET_REPLACES_ADAPTATION, "not run"))
    readings = {
        ClaimName.BI_BEATS_CAUSAL: "two-way attention",
        ClaimName.ECHO_BEATS_CAUSAL: "writing the text twice",
    }
    better = [words for name, words in readings.items() if answers.get(name) == "holds"]
    worse = [words for name, words in readings.items() if answers.get(name) == "does not hold"]
    clauses = [
        *([adapted] if adapted and answers[ClaimName.ADAPTATION_PREVENTS] == "does not hold" else []),
        dies,
        *([adapted] if adapted and answers[ClaimName.ADAPTATION_PREVENTS] != "does not hold" else []),
        *(words for words in (lowered, offset) if words),
        *([f"{listed(worse)} {'gain' if worse[1:] else 'gains'} nothing"] if worse else []),
        *([f"{listed(better)} {'improve' if better[1:] else 'improves'} on one-way attention"] if better else []),
    ]
    words = "; ".join(clauses)
    return f"{words[0].upper()}{words[1:]}."


def _effect(answers: Mapping[str, Answer]) -> str:
    fail, rescue = (answers.get(name, "not run") for name in EFFECT)
    if fail in ("not run", "cannot be said"):
        return "Whether the paper's effect shows cannot be said from these runs alone"
    if fail == "does not hold":
        return "The paper's effect does not show in this run: no large-norm head collapsed or degraded at k = 1"
    if fail == "mixed":
        return "The paper's effect shows for some large-norm heads of this run and not, or not surely, for others"
    after = {
        "holds": "divided by k they train and are level with the small-norm ones",
        "not run": "no division was tried on them",
        "does not hold": "no division brings them level with the small-norm ones",
        "mixed": "divided by k some are level with the small-norm ones",
        "cannot be said": "whether a division brings them level cannot be said",
    }[rescue]
    shows = "shows" if rescue == "holds" else "shows by half"
    return f"The paper's effect {shows} in this run: large-norm heads fail as they are, and {after}"
