"""The data sets and what the stages cost, as tables."""

from __future__ import annotations

from collections.abc import Mapping

from rescalade.collection_manifest import CollectionManifest
from rescalade.report.results.numbers import duration, listed, size
from rescalade.report.results.provenance import Provenance, StageCost
from rescalade.report.results.summary import Summary
from rescalade.report.tables.table import Column, Columns, Entry, Row, Table, Value, number, text, values_of

FACTS: Columns[[CollectionManifest]] = {
    Column("documents", "Documents"): lambda made: number(made.counts.documents, "count"),
    Column("queries", "Queries"): lambda made: number(made.counts.queries, "count"),
    Column("judgements", "Judgements"): lambda made: number(made.counts.judgements, "count"),
    Column("origin", "Origin", numeric=False, wide=True): lambda made: text(made.origin),
    Column("groups", "Groups", numeric=False, wide=True): lambda made: text(
        _pairs(made.groups, ", ") or None,
        note=f"versions: {_pairs(made.packages, '; ')}" if made.packages else "",
    ),
    Column("licence", "Licence", numeric=False, wide=True): lambda made: text(made.licence, note=made.link or ""),
    Column("sha256", "SHA-256", numeric=False, wide=True): lambda made: text(
        _pairs({name: digest[:8] for name, digest in made.sha256.items()}, ", ") or None,
        note=_pairs(made.sha256, "; "),
        raw=_pairs(made.sha256, "; "),
    ),
}
COSTS: Columns[[str, StageCost]] = {
    Column("stage", "Stage", numeric=False): lambda stage, cost: text(stage),
    Column("outputs", "Outputs"): lambda stage, cost: number(cost.outputs, "count"),
    Column("seconds", "Time, all"): lambda stage, cost: Value(duration(cost.seconds), cost.seconds),
    Column("longest", "Time, longest"): lambda stage, cost: Value(duration(cost.longest), cost.longest),
    Column("memory", "Peak memory"): lambda stage, cost: Value(
        size(cost.memory), cost.memory, note="" if cost.memory > 0 else "not recorded"
    ),
}


def data_table(summary: Summary) -> Table:
    """One row per data set: role, counts, licence and checksums."""
    config = summary.config
    experiment = config.experiment
    roles = {
        "training": [experiment.train_on] if experiment.grid else [],
        "in-domain": experiment.in_domain,
        "out-of-domain": experiment.out_of_domain,
        "development": experiment.development,
    }
    rows = []
    for name in config.shown_sets():
        manifest = summary.results.manifests.get(name)
        own = [role for role, names in roles.items() if name in names]
        values = {"name": text(config.title("dataset", name), raw=name), "role": text(listed(own))}
        rows.append(Row(values | (values_of(FACTS, manifest) if manifest else {}), kind="" if manifest else "absent"))
    return Table(
        name="data",
        title="Data sets",
        caption="Data sets of this experiment. Checksums are shortened; hover, or see the CSV, for all of them.",
        columns=[Column("name", "Data set", numeric=False), Column("role", "Role", numeric=False), *FACTS],
        rows=rows,
    )


def cost_table(found: Provenance) -> Table:
    """One row per stage: outputs, time and peak memory."""
    return Table(
        name="costs",
        title="Time and memory by stage",
        caption="Wall time summed over a stage's outputs (made side by side, they count in full), and its peak memory.",
        columns=list(COSTS),
        rows=[Row(values_of(COSTS, stage, cost)) for stage, cost in found.costs.items()],
    )


def _pairs(named: Mapping[str, object], between: str) -> str:
    return between.join(f"{name} {value}" for name, value in named.items())


ENTRIES = (Entry(data_table, order=90, section="data", untrained=True),)
