"""Display names. An inflated backbone is called so wherever its name appears."""

from __future__ import annotations

from collections.abc import Sequence

from rescalade.config import Config
from rescalade.report.results.numbers import listed
from rescalade.scoring.measures import measure
from rescalade.variants import Variant, written_setting


def metric(config: Config, dataset: str) -> str:
    """The measure that a data set counts by."""
    return measure(config.dataset(dataset).metric).name


def metrics(config: Config, datasets: Sequence[str]) -> list[str]:
    """The measures of some data sets, each once."""
    return list(dict.fromkeys(metric(config, dataset) for dataset in datasets))


def quality_words(config: Config, datasets: Sequence[str]) -> str:
    """What the quality over some data sets is: `MRR@10`; `mean of MRR@10 and nDCG@10` where they count by several."""
    names = metrics(config, datasets)
    return names[0] if len(names) == 1 else f"mean of {listed(names)}"


def backbone_title(config: Config, name: str) -> str:
    """`BERT 2x128, large head (inflated x16)`, `ModernBERT 2x128 (bias +1.5)`."""
    title, made = config.title("backbone", name), config.backbone(name)
    changes = [f"inflated x{made.factor:g}{', bias too' if made.bias else ''}"] if made.factor != 1 else []
    changes += [f"bias {made.shift:+g}"] if made.shift else []
    return f"{title} ({', '.join(changes)})" if changes else title


def scale_title(variant: Variant) -> str:
    """`k = 16`, `k = 8 (auto: loss)`; `k not chosen yet (auto: loss)` before the audit has said it."""
    return f"k {scale_words(variant)}" if variant.unchosen else f"k = {scale_words(variant)}"


def scale_words(variant: Variant) -> str:
    """`16`, `8 (auto: loss)`, `not chosen yet (auto: loss)`."""
    scale = "not chosen yet" if variant.unchosen else f"{variant.scale:g}"
    return scale if variant.rule is None else f"{scale} (auto: {variant.rule})"


def variant_title(variant: Variant) -> str:
    """`k = 16, tied`, `k = 8 (auto: loss), folded`, `k = 1, tied, echo`."""
    return ", ".join([scale_title(variant), mode_title(variant), *preparation(variant)])


def preparation(variant: Variant) -> list[str]:
    """What else is done to a backbone, and trained otherwise than by the recipe, in words; nothing for its own way."""
    words = [] if variant.offset is None else [f"offset {variant.offset:g}"]
    words += ["adapted"] if variant.adapted else []
    words += [] if variant.reading == "causal" else [variant.reading]
    return words + [f"{name} {written_setting(value)}" for name, value in variant.over]


def mode_title(variant: Variant) -> str:
    """`tied`, `untied, bias too`."""
    return mode_words(variant.mode, variant.bias)


def mode_words(mode: str, bias: bool) -> str:
    """A mode of an audit in words: `tied`, `untied, bias too`."""
    return f"{mode}{', bias too' if bias else ''}"
