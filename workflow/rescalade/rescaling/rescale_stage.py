"""The stage `rescale`."""

from __future__ import annotations

from rescalade.atomic import atomic_folder
from rescalade.audited import Audit, predicted_scale
from rescalade.rescaling.make import make_rescaled
from rescalade.rescaling.settings import RescaleSettings
from rescalade.stage import Call, Files


def run_rescale(settings: RescaleSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Divide the head of a backbone; a k that a rule chooses comes out of the backbone's audit.

    Raises:
        UserError: the head refuses the variant, or the audit has no k by its rule.
    """
    call.machine.device()  # sets the threads
    variant = settings.variant
    if variant.unchosen:
        variant = variant.chosen(predicted_scale(Audit.read(inputs["audit"]).predicted, variant))
    with atomic_folder(outputs["model"]) as folder:
        make_rescaled(inputs["model"], variant, folder, title=call.names["backbone"])
        call.record(folder / "record.json")
