"""What a page says first where nothing is trained: which system is best, and whether it is above BM25."""

from __future__ import annotations

import math

from rescalade.report.figures.systems import places
from rescalade.report.results.labels import quality_words
from rescalade.report.results.numbers import duration, listed, plural, written
from rescalade.report.results.provenance import Provenance
from rescalade.report.results.summary import Summary
from rescalade.report.results.systems import BM25, given_title
from rescalade.report.tables.systems_table import compared
from rescalade.scoring.significance import LEVEL


def systems_lead(summary: Summary) -> str:
    """The best of the systems in the mean over the data sets, and BM25 beside it; BM25 first where it is ahead."""
    found, sets = places(summary), summary.config.test_sets()
    others = [place for place in found if place.system.origin != "baseline"]
    if not others:
        return "None of the systems of this experiment has been scored on every data set yet."
    best = max(others, key=lambda place: place.quality)
    label = quality_words(summary.config, sets)
    where = "" if len(sets) == 1 else f", in the mean over {plural(len(sets), 'data set')}"
    said = f"{best.system.title} reaches {label} {written(best.quality)}{where}"
    if len(others) > 1:
        said = f"Of {len(others)} systems {said}, the most"
    bm25 = next((place for place in found if place.system.key == BM25), None)
    if bm25 is None or not math.isfinite(bm25.quality):
        return f"{said}."
    held = compared(summary).get((best.system.key, "" if len(sets) > 1 else sets[0]))
    sure = "" if held is None or held.adjusted < LEVEL else "; the difference is not significant"
    if bm25.quality > best.quality:
        return f"BM25 reaches {written(bm25.quality)}, more than any of the others{sure}: {said}."
    return f"{said}; BM25 reaches {written(bm25.quality)}{sure}."


def systems_facts(summary: Summary, found: Provenance) -> list[tuple[str, str]]:
    """What was evaluated: term and description."""
    config = summary.config
    titles = {name: config.title("dataset", name) for name in config.test_sets()}
    manifests = summary.results.manifests
    sets = [
        title + (f" ({written(manifests[name].counts.queries, 'count')} queries)" if name in manifests else "")
        for name, title in titles.items()
    ]
    models = [config.title("backbone", name) for name in config.experiment.models]
    given = [given_title(config, name) for name in config.experiment.runs]
    return [
        ("Models", listed(models) or "none"),
        ("Rankings of others", listed(given) or "none"),
        ("Data sets", "; ".join(sets)),
        ("Trained here", "nothing: every model is encoded as it is"),
        ("Time", f"{duration(found.seconds)} of work over all stages" if found.costs else "not recorded"),
    ]
