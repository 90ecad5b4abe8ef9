"""The numbers behind the lead sentence and the facts of a run, put into words."""

from __future__ import annotations

from collections.abc import Sequence

from rescalade.config.model import ClaimName
from rescalade.report.claims.claim import Claim, with_head
from rescalade.report.pages.lead import against, failed
from rescalade.report.results.labels import backbone_title, mode_title, scale_title, scale_words
from rescalade.report.results.numbers import duration, listed, plural, written
from rescalade.report.results.provenance import Provenance
from rescalade.report.results.summary import Cell, Summary
from rescalade.report.results.systems import given_title


def sentences(summary: Summary, claims: Sequence[Claim]) -> list[str]:
    """What the lead sentence says, with its numbers."""
    found = [] if not failed(summary) else [f"{one[0].upper()}{one[1:]}." for one in against(claims)]
    return [*found, *_controls(claims), *_large(summary), *_small(claims), *_against_bm25(claims)]


def missing(summary: Summary) -> str:
    """What has not been made of the runs; nothing where all are."""
    planned, made = len(summary.results.runs), sum(run.made for run in summary.results.runs)
    if made in (0, planned):
        return ""
    return f"{planned - made} of {plural(planned, 'run')} {'is' if planned - made == 1 else 'are'} missing."


def facts(summary: Summary, found: Provenance) -> list[tuple[str, str]]:
    """What was run: term and description."""
    config, experiment = summary.config, summary.config.experiment
    runs = summary.results.runs
    scales = dict.fromkeys(scale_words(run.run.variant) for run in sorted(runs, key=lambda run: run.run.variant.scale))
    modes = dict.fromkeys(mode_title(run.run.variant) for run in runs)
    made = sum(run.made for run in runs)
    train = [config.train_settings(name) for name in config.backbones()]
    first = train[0]
    length = plural(first.max_steps, "step") if first.max_steps else plural(int(first.epochs), "epoch")
    recipe = (
        f"{experiment.recipe}: {length}, {first.batch_size * first.accumulation} queries per step, AdamW at a peak "
        f"learning rate of {first.learning_rate:g}, λq {first.lambda_query:g}, λd {first.lambda_document:g}"
        f"{', both times k²' if first.lambda_follows_k else ''}, "
        f"τ {first.temperature:g}, {first.query_length} and {first.document_length} tokens, {first.precision}"
    )
    if any(settings != first for settings in train):
        recipe += " (some backbones have settings of their own, see below)"
    return [
        ("Scales", f"k = {', '.join(scales)}; {listed(modes)}"),
        ("Runs", f"{made} of {len(runs)} made; {_seeds(experiment.seeds)}"),
        ("Trained on", _dataset(summary, experiment.train_on)),
        *_others(summary),
        ("In-domain", "; ".join(_dataset(summary, name) for name in experiment.in_domain)),
        ("Out-of-domain", "; ".join(_dataset(summary, name) for name in experiment.out_of_domain) or "none"),
        ("Best k", _choice(summary)),
        ("Recipe", recipe),
        ("Time", f"{duration(found.seconds)} of work over all stages" if found.costs else "not recorded"),
    ]


def _others(summary: Summary) -> list[tuple[str, str]]:
    """What others have made and stands beside the runs."""
    config = summary.config
    models = [backbone_title(config, name) for name in config.experiment.models]
    given = [given_title(config, name) for name in config.experiment.runs]
    return [("By others", listed([*models, *given]))] if models or given else []


def _choice(summary: Summary) -> str:
    """On which queries the best k is chosen."""
    sets = summary.config.experiment.development
    if sets:
        return f"chosen on {'; '.join(_dataset(summary, name) for name in sets)}, and judged on the sets above"
    return summary.choice_words


def _large(summary: Summary) -> list[str]:
    sentences = []
    for name in with_head(summary, "large"):
        base, best = summary.cell(name, 1.0), summary.best(name)
        if base is None or not base.made or best is None:
            continue
        title = backbone_title(summary.config, name)
        start = f"{title}: {summary.in_domain_label} {_plain(summary, base)} at k = 1 ({_verdict(base)})"
        if best is base:
            where = " on the development part" if summary.chosen_apart else ""
            sentences.append(f"{start}; no other k did better{where}.")
            continue
        failed = f" ({_verdict(best)})" if best.collapsed or best.unstable else ""
        sentences.append(f"{start}, {_plain(summary, best)} at {scale_title(best.variant)}{failed}.")
    if len(sentences) > 4:
        return [*sentences[:4], f"The other {len(sentences) - 4} large-norm backbones are in the table below."]
    return sentences


def _controls(claims: Sequence[Claim]) -> list[str]:
    """What the norm and the offset do apart, where the experiment has controls and `against` does not say it."""
    norm, offset = ClaimName.NORM_ALONE, ClaimName.OFFSET_ALONE
    words = {
        (offset, "does not hold"): "In the controls a shifted offset b, at one row norm, changed no outcome.",
        (offset, "mixed"): "In some controls the offset b alone makes a head of one row norm fail or train.",
        (norm, "holds"): "In the controls a larger norm, with the offset in proportion, does harm by itself.",
    }
    found = {claim.id: claim.result for claim in claims}
    return [text for (name, answer), text in words.items() if found.get(name) == answer]


def _small(claims: Sequence[Claim]) -> list[str]:
    """Of the modes that were run, where `against` does not say it: tied as in the paper, or sparing the encoder."""
    words = {
        "holds": "did not harm the small-norm backbones",
        "mixed": "left some small-norm backbones unharmed; for the others that cannot be said",
        "cannot be said": "may or may not have harmed the small-norm backbones",
    }
    how = {
        ClaimName.SMALL_NORM_UNHARMED: "A moderate k, tied as in the paper,",
        ClaimName.SMALL_NORM_UNHARMED_EXACT: "A moderate k that leaves the encoder alone",
    }
    answers = {claim.id: words.get(claim.result) for claim in claims}
    return [f"{start} {answers[name]}." for name, start in how.items() if answers.get(name)]


def _against_bm25(claims: Sequence[Claim]) -> list[str]:
    claim = next((claim for claim in claims if claim.id == ClaimName.LEVEL_WITH_BM25), None)
    rows = [row for row in (claim.details if claim else ()) if row.get("BM25")]
    if not rows:
        return []
    parts = [
        f"{row['Backbone'].lower()} {row['Sparse']} against {row['BM25']} {row['Measure']} ({row['Outcome']})"
        for row in rows
    ]
    return [f"The best sparse retriever beside BM25: {listed(parts)}."]


def _plain(summary: Summary, cell: Cell) -> str:
    """The mean alone: the spread is in the table."""
    return written(cell.spread(summary.in_domain).mean)


def _verdict(cell: Cell) -> str:
    """`dead`, `trained or lost, by seed`."""
    names = list(dict.fromkeys(verdict for verdict in cell.verdicts if verdict is not None))
    return names[0] if len(names) == 1 else f"{' or '.join(names)}, by seed"


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed {seeds[0]} alone, so no spread" if len(seeds) == 1 else f"seeds {listed(map(str, seeds))}"


def _dataset(summary: Summary, name: str) -> str:
    manifest = summary.results.manifests.get(name)
    number = "" if manifest is None else f" ({written(manifest.counts.queries, 'count')} queries)"
    return f"{summary.config.title('dataset', name)}{number}"
