"""What each rule for k would have cost: on the numbers of the paper, and on the runs that there are."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rescalade.audit.rules import by_loss, by_norm, by_width, loss_limit, prediction
from rescalade.audited import Prediction
from rescalade.config import Config
from rescalade.outcome import Outcome
from rescalade.paths import Paths
from rescalade.pipeline.graph import output
from rescalade.pipeline.plan.shapes import KNOWN
from rescalade.published import Published, load_published
from rescalade.report.results.known import PAPER_CANDIDATES
from rescalade.report.results.load import load_results
from rescalade.report.results.summary import Summary
from rescalade.report.tables.best_scale import rule_outcomes

MEASURES = (("beir-13", "nDCG@10", "BEIR-13 nDCG@10"), ("msmarco-dev", "MRR@10", "MS MARCO MRR@10"))
"""Data set, measure and title of what Table 2 is judged by."""


@dataclass(frozen=True)
class Regret:
    """A rule's k for one backbone.

    prediction: None where the rule's inputs are not known. lost: by measure, quality of the best k less that of the
    rule's; NaN where it was not trained. note: what keeps it from being the whole truth.
    """

    prediction: Prediction | None
    lost: tuple[float, ...]
    note: str = ""


@dataclass(frozen=True)
class Regrets:
    """Regret of every rule on some finished runs. measures, backbones: titles; by_rule: one for each backbone."""

    name: str
    title: str
    measures: tuple[str, ...]
    backbones: tuple[str, ...]
    by_rule: Mapping[str, tuple[Regret, ...]]

    def worst(self, rule: str) -> tuple[float, ...]:
        """The largest regret over backbones, by measure; NaN where that of any is not known."""
        columns = zip(*(one.lost for one in self.by_rule[rule]), strict=True)
        return tuple(math.nan if any(map(math.isnan, values)) else max(values) for values in columns)


def least_worst_case(regrets: Regrets) -> str:
    """The rule whose largest regret over backbones and measures is least, of those that are known throughout.

    Raises:
        ValueError: none is.
    """
    known = {rule: max(regrets.worst(rule)) for rule in regrets.by_rule if not rule.startswith("k = ")}
    return min((rule for rule in known if not math.isnan(known[rule])), key=lambda rule: known[rule])


def published_regrets() -> Regrets:
    """Of the backbones that the paper trained at several k, by Table 2.

    `width` and `norm` follow from the backbone's width and Table 1, `loss` from the starting losses of Fig. 4,
    continued at the rate of its last doubling where none is small enough. Below them one k for all, for comparison.
    """
    paper = load_published("rescaling")
    names = [name for name in paper.backbones if len(_by_scale(paper, name, "nDCG@10", "beir-13")) > 1]
    rules: dict[str, list[Regret]] = {}
    for name in names:
        qualities = [_by_scale(paper, name, measure, dataset) for dataset, measure, _ in MEASURES]
        for rule, (found, note) in _published_predictions(paper, name).items():
            lost = tuple(_lost(values, found) for values in qualities)
            rules.setdefault(rule, []).append(Regret(found, lost, note))
    order = ["width", "norm", "activation", "score", "loss"]
    return Regrets(
        "regret",
        "Regret of rules for k on the paper's Table 2",
        tuple(title for _, _, title in MEASURES),
        tuple(paper.backbones[name].title for name in names),
        {rule: tuple(rules[rule]) for rule in sorted(rules, key=lambda rule: (*order, rule).index(rule))},
    )


def finished_regrets(config: Config, paths: Paths) -> list[Regrets]:
    """Of every experiment of the configuration that has runs, by their in-domain quality.

    Raises:
        UserError: a results file cannot be read.
    """
    found = []
    for name in config.model.experiments:
        chosen = replace(config, name=name)
        if any(Outcome.read_or_none(output(paths, "train", "outcome", run=run.training)) for run in chosen.runs()):
            found.append(regrets_of(Summary(load_results(chosen, paths))))
    return found


def regrets_of(summary: Summary) -> Regrets:
    """Of the runs of one experiment; a k that was not trained has no regret, however near another is."""
    config, rules = summary.config, dict[str, dict[str, Regret]]()
    for one in rule_outcomes(summary):
        trained = one.nearest is not None and one.nearest.variant.scale == one.prediction.power
        regret = Regret(one.prediction, (one.shortfall if trained else math.nan,))
        rules.setdefault(one.rule, {})[one.backbone] = regret
    unknown = Regret(None, (math.nan,), "not audited")
    return Regrets(
        f"regret-{config.name}",
        f"Regret of rules for k on the runs of experiment {config.name}",
        (summary.in_domain_label,),
        tuple(config.title("backbone", name) for name in config.backbones()),
        {rule: tuple(by.get(name, unknown) for name in config.backbones()) for rule, by in rules.items()},
    )


def continued(losses: Mapping[float, float], limit: float) -> tuple[float | None, bool]:
    """The first power of two at which a falling loss is within a limit.

    Past the largest k the loss is taken to fall by the factor of the last doubling.

    Returns:
        k, None where the loss does not fall; whether it lies past the largest k.
    """
    within = [k for k in sorted(losses) if losses[k] <= limit]
    if within:
        return within[0], False
    last = max(losses)
    rate = losses[last / 2] / losses[last]
    if rate <= 1:
        return None, True
    return last * 2.0 ** math.ceil(math.log(losses[last] / limit) / math.log(rate)), True


def _published_predictions(paper: Published, name: str) -> dict[str, tuple[Prediction | None, str]]:
    shapes = [KNOWN[one] for one in paper.backbones[name].names if one in KNOWN]
    widths = {shape.embedding or shape.width for shape in shapes}
    (norm,) = (v.value for v in paper.values if (v.backbone, v.measure) == (name, "row_norm"))
    losses = _by_scale(paper, name, "step0_loss")
    silent = (None, "the paper prints no activations")
    found: dict[str, tuple[Prediction | None, str]] = {
        "width": (by_width(widths.pop()), ""),
        "norm": (by_norm(norm), ""),
        "activation": silent,
        "score": (None, "the paper prints no scores"),
        "loss": (None, "the paper prints no starting loss"),
    }
    if losses:
        k, outside = continued(losses, loss_limit(PAPER_CANDIDATES))
        found["loss"] = (by_loss(k, PAPER_CANDIDATES), "extrapolated, outside the grid" if outside else "")
    for k in sorted(_by_scale(paper, name, "nDCG@10", "beir-13")):
        found[f"k = {k:g} for all"] = (prediction(k, "a constant"), "")
    return found


def _by_scale(paper: Published, name: str, measure: str, dataset: str | None = None) -> dict[float, float]:
    return {
        value.scale: value.value
        for value in paper.values
        if (value.backbone, value.measure, value.dataset) == (name, measure, dataset) and value.scale is not None
    }


def _lost(values: Mapping[float, float], found: Prediction | None) -> float:
    """Of the k that is used; NaN where the rule has none of its own there, or it was not trained."""
    if found is None or found.k is None or found.power not in values:
        return math.nan
    return max(values.values()) - values[found.power]


def in_words(regret: Regret, digits: Sequence[str]) -> str:
    """`4: 0.003 / 0.000`; `16 (asks for 256): 0.005 / 0.000`."""
    found = regret.prediction
    if found is None:
        return "not known"
    asked = "" if found.k is None or found.k <= found.power * math.sqrt(2) else f" (asks for {found.k:.4g})"
    return f"{found.power}{asked}: {' / '.join(digits)}"
