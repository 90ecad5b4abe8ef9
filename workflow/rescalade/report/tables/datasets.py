"""The data sets and what the stages cost, as tables."""

from __future__ import annotations

from rescalade.collection_manifest import CollectionManifest
from rescalade.report.results.numbers import duration, listed, size
from rescalade.report.results.provenance import Provenance
from rescalade.report.results.summary import Summary
from rescalade.report.tables.table import Column, Entry, Row, Table, Value, number, text


def data_table(summary: Summary) -> Table:
    """One row per data set: role, counts, licence, checksums and protocol switches."""
    config = summary.config
    experiment = config.experiment
    rows = []
    for name in dict.fromkeys([experiment.train_on, *config.evaluation_sets()]):
        roles = [
            role
            for role, names in (
                ("training", [experiment.train_on]),
                ("in-domain", experiment.in_domain),
                ("out-of-domain", experiment.out_of_domain),
            )
            if name in names
        ]
        manifest = summary.results.manifests.get(name)
        values = {"name": text(config.title("dataset", name), raw=name), "role": text(listed(roles))}
        rows.append(Row(values | (_facts(manifest) if manifest else {}), kind="" if manifest else "absent"))
    return Table(
        name="data",
        title="Data sets",
        caption="Data sets of this experiment. Checksums are shortened; hover, or see the CSV, for all of them.",
        columns=[
            Column("name", "Data set", numeric=False),
            Column("role", "Role", numeric=False),
            Column("documents", "Documents"),
            Column("queries", "Queries"),
            Column("judgements", "Judgements"),
            Column("origin", "Origin", numeric=False, wide=True),
            Column("groups", "Groups", numeric=False, wide=True),
            Column("licence", "Licence", numeric=False, wide=True),
            Column("sha256", "SHA-256", numeric=False, wide=True),
        ],
        rows=rows,
    )


def cost_table(found: Provenance) -> Table:
    """One row per stage: outputs, time and peak memory."""
    rows = [
        Row(
            {
                "stage": text(stage),
                "outputs": number(cost.outputs, "count"),
                "seconds": Value(duration(cost.seconds), cost.seconds),
                "longest": Value(duration(cost.longest), cost.longest),
                "memory": Value(size(cost.memory), cost.memory, note="" if cost.memory > 0 else "not recorded"),
            }
        )
        for stage, cost in found.costs.items()
    ]
    return Table(
        name="costs",
        title="Time and memory by stage",
        caption="Wall time summed over a stage's outputs (made side by side, they count in full), and its peak memory.",
        columns=[
            Column("stage", "Stage", numeric=False),
            Column("outputs", "Outputs"),
            Column("seconds", "Time, all"),
            Column("longest", "Time, longest"),
            Column("memory", "Peak memory"),
        ],
        rows=rows,
    )


def _facts(manifest: CollectionManifest) -> dict[str, Value]:
    counts, sums = manifest.counts, manifest.sha256
    shown = ", ".join(f"{name} {count}" for name, count in manifest.groups.items())
    pinned = "; ".join(f"{name} {version}" for name, version in manifest.packages.items())
    return {
        "documents": number(counts.documents, "count"),
        "queries": number(counts.queries, "count"),
        "judgements": number(counts.judgements, "count"),
        "origin": text(manifest.origin),
        "groups": text(shown or None, note=f"versions: {pinned}" if pinned else ""),
        "licence": text(manifest.licence, note=manifest.link or ""),
        "sha256": text(
            ", ".join(f"{name} {digest[:8]}" for name, digest in sums.items()) or None,
            note="; ".join(f"{name} {digest}" for name, digest in sums.items()),
            raw="; ".join(f"{name} {digest}" for name, digest in sums.items()),
        ),
    }


ENTRIES = (Entry(data_table, order=90, section="data"),)
