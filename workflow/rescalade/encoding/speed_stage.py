"""The stage `speed`: times the encoding of some of a data set's texts, in the way that its vectors are made."""

from __future__ import annotations

import torch

from rescalade.encoding.encoder import Encoder
from rescalade.encoding.measure_speed import measure_rates
from rescalade.encoding.quantise import weight_bytes
from rescalade.encoding.speed_settings import SpeedSettings
from rescalade.speed import Speed
from rescalade.stage import Call, Files
from rescalade.texts.text_parts import folder_texts


def run_speed(settings: SpeedSettings, inputs: Files, outputs: Files, call: Call) -> None:
    """Time a model as it is and, on a GPU, compiled by torch.compile.

    Args:
        inputs: `model`; `corpus`, `queries` and `manifest` of the data set.
        outputs: `speed`.

    Raises:
        UserError: the model does not load, or cannot be quantised so on this device.
    """
    documents, queries = folder_texts(inputs["manifest"].parent)
    _, read = documents.read(0, min(settings.timed_documents, documents.count))
    _, asked = queries.read(0, min(settings.timed_queries, queries.count))
    device = call.machine.devices()[0]
    gpu = device.startswith("cuda")
    encoder = Encoder.load(inputs["model"], settings, device)
    if gpu:
        torch.cuda.reset_peak_memory_stats(device)
    plain = measure_rates(encoder, asked, read)
    peak = torch.cuda.max_memory_allocated(device) if gpu else None
    weights = weight_bytes(encoder.module)
    compiled = None
    if gpu:
        encoder.compile()
        compiled = measure_rates(encoder, asked, read)
    Speed(
        quantise=settings.quantise,
        precision=encoder.how.precision,
        device=torch.cuda.get_device_name(device) if gpu else "cpu",
        threads=torch.get_num_threads(),
        queries=len(asked),
        documents=len(read),
        plain=plain,
        compiled=compiled,
        weights_bytes=weights,
        device_peak_bytes=peak,
    ).write(outputs["speed"])
    call.record(outputs["record"])
