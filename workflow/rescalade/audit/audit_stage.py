"""The stage `audit`."""

from __future__ import annotations

from rescalade.audit.audit_text import audit_on_triples
from rescalade.audit.settings import AuditSettings
from rescalade.models.published_norm import check_published_norm
from rescalade.progress import Reporter
from rescalade.stage import Call, Files
from rescalade.texts.triple_files import read_triples


def run_audit(settings: AuditSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Measure a backbone's head on a micro-batch that training draws, before any training.

    Raises:
        UserError: the head is not the one that the paper has under this name; the triples are missing or damaged.
    """
    name, device = call.names["backbone"], call.machine.device()
    with Reporter(f"audit {name}") as progress:
        found = audit_on_triples(
            inputs["model"],
            inputs["corpus"].parent,
            read_triples(inputs["triples"]),
            settings,
            name=name,
            device=device,
            progress=progress,
        )
    if settings.check_norm:
        check_published_norm(name, settings.id, found)
    found.write(outputs["audit"])
    call.record(outputs["record"])
