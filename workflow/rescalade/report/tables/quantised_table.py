"""What quantised encoding costs in effectiveness and brings in speed and memory."""

from __future__ import annotations

from rescalade.quantisation import quantisation_title
from rescalade.report.results.labels import backbone_title, variant_title
from rescalade.report.results.numbers import MISSING
from rescalade.report.results.quantised import QuantisedCell, quantised_cells
from rescalade.report.results.summary import Summary
from rescalade.report.tables.table import Column, Columns, Entry, Row, Table, Value, spread, text, values_of

RATES = "Texts per second"
MEMORY = "Memory, MB"


def quantised_table(summary: Summary) -> Table:
    """A row per cell and quantisation."""
    domain = bool(summary.config.experiment.out_of_domain)
    columns: Columns[[QuantisedCell]] = {
        Column("variant", "Scale and mode", numeric=False): lambda cell: text(
            variant_title(cell.variant), raw=cell.variant.name
        ),
        Column("quantise", "Quantised", numeric=False): lambda cell: text(
            quantisation_title(cell.quantise), raw=cell.quantise
        ),
        Column("in_domain", summary.in_domain_label, "Quality", sd=True): lambda cell: spread(cell.quality),
        Column("change", "change", "Quality", sd=True, note="seed by seed, from what the other tables show"): (
            lambda cell: Value(MISSING) if cell.change is None else spread(cell.change)
        ),
        **(
            {
                Column("out_of_domain", "out-of-domain", "Quality", sd=True, note=summary.out_of_domain_label): (
                    lambda cell: spread(cell.out_of_domain)
                )
            }
            if domain
            else {}
        ),
        Column("queries_per_second", "queries", RATES, note="one at a time"): lambda cell: _rate(
            cell.speed("queries_per_second")
        ),
        Column("queries_compiled", "queries, compiled", RATES, note="one at a time, torch.compile; on a GPU"): (
            lambda cell: _rate(cell.speed("queries_per_second", compiled=True))
        ),
        Column("documents_per_second", "documents", RATES, note="in batches"): lambda cell: _rate(
            cell.speed("documents_per_second")
        ),
        Column("documents_compiled", "documents, compiled", RATES, note="in batches, torch.compile; on a GPU"): (
            lambda cell: _rate(cell.speed("documents_per_second", compiled=True))
        ),
        Column("weights_mb", "weights", MEMORY): lambda cell: _rate(cell.megabytes("weights_bytes")),
        Column("device_peak_mb", "peak on the GPU", MEMORY): lambda cell: _rate(cell.megabytes("device_peak_bytes")),
    }
    cells = quantised_cells(summary)
    devices = sorted({found.device for cell in cells for found in cell.speeds})
    timed = {(found.queries, found.documents) for cell in cells for found in cell.speeds}
    notes = [f"Timed on {', '.join(devices)}, from text to sparse vector, after warming up."] if devices else []
    notes += [f"{queries} queries and {documents} documents were timed." for queries, documents in sorted(timed)]
    return Table(
        name="quantised",
        title="Quantised encoding",
        caption="The same trained models, encoding with weights as trained and quantised: effectiveness, texts per "
        "second and memory. Nothing was trained again.",
        columns=list(columns),
        rows=[
            Row(
                values_of(columns, cell),
                section=backbone_title(summary.config, cell.backbone),
                key=cell.backbone,
                kind="" if cell.quality.mean is not None else "absent",
            )
            for cell in cells
        ],
        notes=notes,
    )


def _rate(value: float | None) -> Value:
    return Value(MISSING) if value is None else Value(f"{value:,.0f}" if value >= 100 else f"{value:.1f}", value)


ENTRIES = (Entry(quantised_table, order=21, wanted=lambda summary: bool(summary.config.experiment.quantised)),)
