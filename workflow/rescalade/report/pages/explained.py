"""What an experiment that holds explanations apart found of them, in words."""

from __future__ import annotations

from rescalade.report.results.expectations import Tally, always, tallies
from rescalade.report.results.numbers import listed, plural
from rescalade.report.results.step0_map import ALWAYS, BY_NORM, Judged, has_map, step0_map
from rescalade.report.results.summary import Summary
from rescalade.report.results.window import NOTHING


def explained_sentences(summary: Summary) -> list[str]:
    """Which explanation was right most often, and what tells best before training which runs train.

    Whatever cannot be said is left out: explanations none of whose cells came out, starts without both outcomes.
    """
    if not summary.config.experiment.explanations:
        return []
    return [words for words in (_explanations(summary), _starts(summary)) if words]


def board(summary: Summary) -> list[tuple[str, str]]:
    """A title and words for every explanation, the one that was right most often first, and for the guess."""
    if not summary.config.experiment.explanations:
        return []
    ordered = sorted(tallies(summary), key=lambda tally: -tally.share if tally.decided else 1)
    return [(tally.title, tile_words(tally)) for tally in (*ordered, always(summary))]


def tile_words(tally: Tally) -> str:
    """`91 % right, 31 of 34 cells`, `none of 6 cells decided`."""
    if tally.decided:
        return f"{round(100 * tally.share)} % right, {right_of(tally)} cells"
    return f"none of {plural(tally.undecided, 'cell')} decided"


def right_of(tally: Tally) -> str:
    """`31 of 34`; `5 of 5 decided of 6` where cells were not run or their seeds disagree."""
    return f"{tally.right} of {tally.decided}" + (
        f" decided of {tally.decided + tally.undecided}" if tally.undecided else ""
    )


def _explanations(summary: Summary) -> str:
    known = [tally for tally in tallies(summary) if tally.decided]
    if not known:
        return ""
    most = max(tally.share for tally in known)
    best = [tally for tally in known if tally.share == most]
    often = f"right most often of {len(known)} explanations" if len(known) > 1 else "right"
    if len(best) == 1:
        said = f"{_quoted(best[0])} was {often}, in {right_of(best[0])} cells"
    else:
        said = f"{listed(f'{_quoted(one)} ({right_of(one)} cells)' for one in best)} were {often}"
    guess = always(summary)
    return f"{said}; the guess that every cell trains was right in {guess.right} of {guess.decided}."


def _starts(summary: Summary) -> str:
    if not has_map(summary):
        return ""
    found = step0_map(summary)
    held_out = {one.predictor.key: one.by_backbone for one in found.judged if one.by_backbone is not None}
    guess, measured = found.of(ALWAYS), [one for one in found.judged if one.predictor.key in held_out]
    # a window that is given was fitted on some of these runs, or on none: neither is what is said below
    measured = [one for one in measured if one.predictor.key != ALWAYS.key and one.predictor.given is None]
    if guess is None or not measured:
        return ""
    least = min(held_out[one.predictor.key] for one in measured)
    runs, same = (
        plural(found.runs, "run"),
        f"the guess that {'none trains' if guess.box == (NOTHING,) else 'all train'}",
    )
    if least >= guess.errors:
        return (
            f"Nothing measured before training tells which runs train better than {same}, which is wrong on "
            f"{guess.errors} of {runs}."
        )
    best = [one for one in measured if held_out[one.predictor.key] == least]
    names = list(dict.fromkeys(map(_measures, best)))
    tells = "tells best" if len(names) == 1 else "tell best, equally well,"
    norm = held_out.get(BY_NORM.key)
    if norm is None or BY_NORM in (one.predictor for one in best):
        others = f"{same} is wrong on {guess.errors}"
    else:
        others = f"row norm over k alone is wrong on {norm}, {same} on {guess.errors}"
    return (
        f"Before training, {listed(names)} {tells} which runs train: wrong on {least} of {runs} by a window fitted "
        f"without their backbone; {others}."
    )


def _measures(judged: Judged) -> str:
    """Numbers of the start that a predictor rests on: `the loss over ln(candidates)`."""
    measures = judged.predictor.measures
    return f"the {listed(measure.words for measure in measures)}{' together' if len(measures) > 1 else ''}"


def _quoted(tally: Tally) -> str:
    return f"\N{LEFT DOUBLE QUOTATION MARK}{tally.title}\N{RIGHT DOUBLE QUOTATION MARK}"
