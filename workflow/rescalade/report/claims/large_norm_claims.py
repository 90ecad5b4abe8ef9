"""Claims about large-norm backbones: they fail at k = 1, and division rescues them."""

from __future__ import annotations

import math

from rescalade.config.model import ClaimName
from rescalade.report.claims.claim import (
    UNDECIDED,
    UNSTABLE,
    Claim,
    Finding,
    Holds,
    assembled,
    quality,
    small_norm_group,
    title_of,
    with_head,
)
from rescalade.report.results.contrast import LEVEL, contrast
from rescalade.report.results.labels import variant_title
from rescalade.report.results.numbers import written
from rescalade.report.results.paired import PerQuery
from rescalade.report.results.summary import Cell, Summary
from rescalade.report.tables.verdicts import verdict_value

LEVEL_SHARE = 0.90
"""A large head is level with the small ones from this share of their mean quality."""
NEITHER_SHARE = 0.10
"""k = 1 is called as good as the best k where it is less than this share of it below, at 95 % confidence."""


def collapse(summary: Summary, queries: PerQuery) -> Claim:
    """(a) Large-norm backbones collapse or degrade at k = 1."""
    group = small_norm_group(summary)
    all_fail = bool(group) and all(cell.collapsed for cell in group)
    return assembled(
        ClaimName.LARGE_NORM_COLLAPSES,
        "Large-norm heads fail at k = 1",
        "Backbones whose MLM head has a large row norm collapse or degrade in standard SPLADE training, k = 1 "
        "(section on results, Table 2: ModernBERT .045, Ettin .099, RoBERTa .194 MRR@10).",
        "Does every large-norm backbone at k = 1, tied, collapse (by the declared definition, in most of its runs) or "
        f"degrade: end below its best k > 1 in-domain ({summary.in_domain_label}) at {_level(summary)}? Neither: less "
        f"than {100 * NEITHER_SHARE:.0f} % below it at 95 % confidence. The best k is {summary.choice_words}. Where "
        "every small-norm head fails at k = 1 too, nothing can be said of the norm.",
        [_collapse(summary, queries, name, all_fail) for name in with_head(summary, "large")],
        "The experiment has no large-norm backbone.",
    )


def _collapse(summary: Summary, queries: PerQuery, name: str, all_fail: bool) -> Finding:
    title, base = title_of(summary, name), summary.cell(name, 1.0)
    if base is None or not base.made:
        return Finding("not run", title, "not run", f"{title}: k = 1 was not run.")
    best, tried = _best_divided(summary, name)
    found = contrast(queries, best, base) if best is not None else None
    details = {
        "At k = 1": quality(summary, base),
        "Verdict at k = 1": verdict_value(base).text,
        "Best k > 1": _called(summary, best),
        **({} if found is None else found.details(tried)),
    }
    words = f"{title}: {summary.in_domain_label} {quality(summary, base)} at k = 1 ({verdict_value(base).text})"
    if best is not None:
        words += f" against {quality(summary, best)} at its best k > 1, {variant_title(best.variant)}"
        if found is not None:
            words += f" ({found.words()})"
    words += "."

    def finding(holds: Holds, outcome: str) -> Finding:
        return Finding(holds, title, outcome, words, details)

    if all_fail and base.collapsed:
        return finding("cannot be said", "collapses, as every small-norm head does")
    if base.unstable:
        return finding("cannot be said", UNSTABLE)
    if base.collapsed:
        return finding("yes", "collapses")
    if best is None or found is None:
        return finding("not run", "no scored k > 1 to hold it against")
    if found.shown(tried) > 0:
        return finding("yes", "degrades")
    if found.high < NEITHER_SHARE * summary.quality(best):
        return finding("no", "neither collapses nor degrades")
    return finding("cannot be said", UNDECIDED)


def rescue(summary: Summary, queries: PerQuery) -> Claim:
    """(b) Divided, they are better than at k = 1 and level with the small-norm heads."""
    return assembled(
        ClaimName.DIVISION_RESCUES,
        "Division brings them level with small-norm heads",
        "Dividing the head by k > 1 before training makes large-norm backbones better than they are at k = 1 (+215 % "
        "for ModernBERT and +77 % for Ettin on BEIR, k = 16), and brings them to what small-norm backbones reach "
        "(Table 2).",
        "Is the best k > 1 of every large-norm backbone better than its k = 1 in-domain "
        f"({summary.in_domain_label}) at {_level(summary)}, and does it reach {100 * LEVEL_SHARE:.0f} % of the mean of "
        f"the small-norm heads at k = 1, at 95 % confidence? The best k is {summary.choice_words}.",
        [_rescue(summary, queries, name) for name in with_head(summary, "large")],
        "The experiment has no large-norm backbone.",
    )


def _rescue(summary: Summary, queries: PerQuery, name: str) -> Finding:
    title, base = title_of(summary, name), summary.cell(name, 1.0)
    best, tried = _best_divided(summary, name)
    group = [cell for cell in small_norm_group(summary) if not cell.collapsed]
    if best is None:
        return Finding("not run", title, "not run", f"{title}: no k > 1 was scored.")
    if base is None or not base.made:
        return Finding("not run", title, "not run", f"{title}: k = 1 was not run.")
    gain = contrast(queries, best, base)
    level = contrast(queries, best, group, share=LEVEL_SHARE) if group else None
    reached = math.nan
    if group:
        reached = summary.quality(best) / (math.fsum(map(summary.quality, group)) / len(group))
    details = {
        "Best k > 1": _called(summary, best),
        "At k = 1": quality(summary, base),
        **({} if gain is None else gain.details(tried)),
        "Of the small-norm heads": "–" if math.isnan(reached) else f"{written(100 * reached, 'percent')} %",
    }
    words = (
        f"{title}: {quality(summary, best)} at {variant_title(best.variant)} against {quality(summary, base)} at k = 1"
    )
    words += f"; {written(100 * reached, 'percent')} % of the small-norm heads at k = 1." if group else "."

    def finding(holds: Holds, outcome: str) -> Finding:
        return Finding(holds, title, outcome, words, details)

    if best.collapsed:
        return finding("no", "not rescued: its best k collapses too")
    if gain is None or best.unstable:
        return finding("cannot be said", "its best k is unstable" if gain is not None else "k = 1 was not scored")
    if gain.shown(tried) <= 0:
        return finding("no", "no better than at k = 1")
    if level is None:
        return finding("cannot be said", "better than at k = 1; no small-norm head trained to hold it against")
    if level.low > 0:
        return finding("yes", "better than at k = 1 and level with the small-norm heads")
    if level.high < 0:
        return finding("no", "better than at k = 1, below the small-norm heads")
    return finding("cannot be said", "better than at k = 1; whether level cannot be said")


def _best_divided(summary: Summary, name: str) -> tuple[Cell | None, int]:
    """The best cell at k > 1, and how many were compared with k = 1 on the queries that judge it.

    All that were scored where it is chosen on these; one where it is chosen on a development part.
    """
    scored = [cell for cell in summary.divided(name) if cell.variant.scale > 1 and math.isfinite(summary.quality(cell))]
    return summary.best_of(scored), 1 if summary.chosen_apart else len(scored)


def _level(summary: Summary) -> str:
    return f"p < {LEVEL:g}" if summary.chosen_apart else f"p < {LEVEL:g}, the p times the number of k tried"


def _called(summary: Summary, cell: Cell | None) -> str:
    return "–" if cell is None else f"{quality(summary, cell)} ({variant_title(cell.variant)})"
