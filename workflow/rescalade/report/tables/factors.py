"""Which axis decides: its share of the spread of quality and of collapse, and what each level does to matched pairs."""

from __future__ import annotations

from collections.abc import Sequence

from rescalade.config.axes import Axis
from rescalade.report.results.collapse_shares import collapse_shares
from rescalade.report.results.design import Design, design_of
from rescalade.report.results.matched_pairs import LevelEffect, effects_where, level_effects
from rescalade.report.results.numbers import listed, plural, written
from rescalade.report.results.quality_shares import quality_shares
from rescalade.report.results.shares import Share, Shares
from rescalade.report.results.summary import Summary
from rescalade.report.tables.table import Column, Entry, Row, Table, Value, number, text

QUALITY, COLLAPSE = "Quality", "Collapse"
LOST = "share of the spread that no other axis accounts for: what is lost with the axis and its interactions"
DEPENDS = "of it, what is lost with the interactions alone: the part that depends on other axes"
PAIRS = (
    Column("pairs", "Pairs"),
    Column("mended", "now train", "Of these", note="of the pairs whose cell at the first level fails"),
    Column("broken", "now fail", "Of these", note="of the pairs whose cell at the first level trains"),
    Column("difference", "mean", QUALITY),
    Column("least", "least", QUALITY),
    Column("greatest", "greatest", QUALITY),
)
SEEDS = "95 % over seeds, not over backbones or texts"
UNTOLD = "the cells cannot tell this axis from the others"


def share_table(summary: Summary) -> Table:
    """A row per axis, then what the model as a whole explains."""
    design, quality, collapse = design_of(summary), quality_shares(summary), collapse_shares(summary)
    places = range(len(design.axes))
    order = sorted(places, key=lambda place: (-_lost(quality, place), -_lost(collapse, place), place))
    return Table(
        name="factors",
        title="Which axis decides",
        caption=(
            f"Shares of the spread over runs of in-domain {summary.in_domain_label} (R2 of a linear model) and of "
            "collapse (deviance of a logistic model) that are lost when an axis and all its interactions are left out. "
            "They need not add to 1: axes overlap, and the cells are a fraction of all combinations. The interval "
            "knows the spread over seeds, and none over backbones or texts. An axis that is moved in few cells has a "
            "small share whatever it does there: contrasts and matched pairs answer that."
        ),
        columns=[
            Column("axis", "Axis", numeric=False, wide=True),
            Column("moved", "Cells off the first level"),
            *_columns("quality", QUALITY),
            *_columns("collapse", COLLAPSE),
        ],
        rows=[
            *(
                Row(
                    {
                        "axis": _title(design.axes[place]),
                        "moved": number(_moved(design, place), "count"),
                        **_axis("quality", quality, place),
                        **_axis("collapse", collapse, place),
                    },
                    key=design.axes[place].name,
                )
                for place in order
            ),
            *_sums(quality, collapse),
        ],
        notes=_notes(design, quality, collapse),
    )


def effect_table(summary: Summary) -> Table:
    """A row per level that is no baseline, those that turn most pairs first."""
    design = design_of(summary)
    return Table(
        name="factor-levels",
        title="What each level does, all else alike",
        caption=(
            "Pairs of cells that differ in one axis alone, a level against the axis's first. A cell fails where more "
            f"than half of its runs collapse. Quality: difference of in-domain {summary.in_domain_label}, plain mean "
            "over the pairs, with the least and the greatest of them. No model and no test."
        ),
        columns=[
            Column("axis", "Axis", numeric=False, wide=True),
            Column("level", "Level", numeric=False),
            *PAIRS,
            Column(
                "shared", "All that turn have", numeric=False, wide=True,
note="where two or more turn one way: what each of them has, and of all pairs no more than three quarters",
            ),
        ],
        rows=[_level(design, effect) for effect in level_effects(summary)],
    )  # fmt: skip


def where_table(summary: Summary) -> Table:
    """A row per level and levels of what it may depend on, of those in which a pair turns."""
    design, effects = design_of(summary), effects_where(summary)
    turning = [effect for effect in effects if effect.turned]
    return Table(
        name="factor-levels-where",
        title="What each level does, by what it may depend on",
        caption=(
            "The same pairs, parted by the axes that the experiment names as what an effect may depend on. "
            f"{plural(len(effects) - len(turning), 'row')} in which no pair turns are left out."
        ),
        columns=[
            Column("axis", "Axis", numeric=False, wide=True),
            Column("level", "Level", numeric=False),
            Column("where", "Where", numeric=False, wide=True),
            *PAIRS,
        ],
        rows=[
            Row(_pairs(design, effect) | {"where": text("; ".join(_levels(design, effect.where)))})
            for effect in turning
        ],
    )


def _columns(key: str, group: str) -> list[Column]:
    return [
        Column(f"{key}_share", "share", group, note=LOST),
        Column(f"{key}_low", "from", group, note=SEEDS),
        Column(f"{key}_high", "to", group, note=SEEDS),
        Column(f"{key}_depends", "jointly", group, note=DEPENDS),
    ]


def _lost(shares: Shares | None, place: int) -> float:
    return -1.0 if shares is None else shares.axes[place].lost or 0.0


def _title(axis: Axis) -> Value:
    return text(axis.title, note=f"levels: {'; '.join(axis.levels)}", raw=axis.name)


def _moved(design: Design, place: int) -> int:
    axis = design.axes[place]
    return sum(level != axis.levels[0] for level in axis.found)


def _axis(key: str, shares: Shares | None, place: int) -> dict[str, Value]:
    if shares is None:
        return {}
    share: Share = shares.axes[place]
    if share.lost is None:
        return {f"{key}_share": number(None, note=UNTOLD)}
    return {
        f"{key}_share": number(share.lost),
        f"{key}_low": number(share.low),
        f"{key}_high": number(share.high),
        f"{key}_depends": number(share.depends),
    }


def _sums(quality: Shares | None, collapse: Shares | None) -> list[Row]:
    """The three parts of the whole spread, which add to 1."""
    parts = (
        ("all", "All axes together", "told"),
        ("cells", "Between cells, and in no term of the model", "unexplained"),
        ("seeds", "Between seeds of a cell", "seeds"),
    )
    both = {"quality": quality, "collapse": collapse}
    return [
        Row(
            {
                "axis": text(title, raw=key),
                **{
                    f"{name}_share": number(getattr(shares, field))
                    for name, shares in both.items()
                    if shares is not None
                },
            },
            kind="baseline",
            key=key,
        )
        for key, title, field in parts
    ]


def _notes(design: Design, quality: Shares | None, collapse: Shares | None) -> list[str]:
    notes = []
    if quality is not None:
        notes.append(
            f"Quality: {_size(quality)}. Of cells left out, one after another, it predicts R2 = "
            f"{written(quality.predicted)}{_alone(quality)}."
        )
    if collapse is not None:
        notes.append(
            f"Collapse: {_size(collapse)}. Of the runs of a cell left out it tells {written(collapse.predicted)} "
            f"rightly, one answer for all {written(collapse.chance)}{_alone(collapse)}."
        )
    elif any(cell.made for cell in design.cells):
        notes.append("Collapse: all runs ended alike.")
    names = [" x ".join(design.axes[place].title for place in term) for term in design.interactions]
    if names:
        notes.append(f"Interactions in the model: {', '.join(names)}.")
    return notes


def _size(shares: Shares) -> str:
    return (
        f"{plural(shares.parameters, 'parameter')} for {plural(shares.runs, 'run')} of {plural(shares.cells, 'cell')}"
    )


def _alone(shares: Shares) -> str:
    alone = shares.cells - shares.predictable
    return f", without the {plural(alone, 'cell')} that a parameter is of alone" if alone else ""


def _level(design: Design, effect: LevelEffect) -> Row:
    turned = (("now train", effect.mended_have), ("now fail", effect.broken_have))
    shared = [f"{how}: {listed(_levels(design, levels))}" for how, levels in turned if levels]
    note = "" if shared else "nothing, or fewer than two turn one way"
    values = _pairs(design, effect) | {"shared": text("; ".join(shared) or None, note=note)}
    return Row(values, kind="" if effect.pairs else "absent", key=design.axes[effect.axis].name)


def _pairs(design: Design, effect: LevelEffect) -> dict[str, Value]:
    axis, found = design.axes[effect.axis], effect.differences
    return {
        "axis": _title(axis),
        "level": text(f"{effect.level} against {axis.levels[0]}"),
        "pairs": number(len(effect.pairs), "count"),
        "mended": _of(len(effect.mended), effect.failing),
        "broken": _of(len(effect.broken), len(effect.pairs) - effect.failing),
        "difference": number(effect.mean),
        "least": number(min(found, default=None)),
        "greatest": number(max(found, default=None)),
    }


def _levels(design: Design, levels: Sequence[tuple[int, str]]) -> list[str]:
    return [f"{design.axes[place].title} {level}" for place, level in levels]


def _of(count: int, total: int) -> Value:
    return text(f"{count}/{total}" if total else None, raw=str(count), note="" if total else "there is no such pair")


def _wanted(summary: Summary) -> bool:
    return summary.config.experiment.factors is not None


def _interacting(summary: Summary) -> bool:
    return _wanted(summary) and bool(design_of(summary).interactions)


ENTRIES = (
    Entry(effect_table, order=11, explained=4, wanted=_wanted),
    Entry(share_table, order=13, explained=3, wanted=_wanted),
    Entry(where_table, order=17, explained=7, wanted=_interacting, folded="where a pair turns"),
)
