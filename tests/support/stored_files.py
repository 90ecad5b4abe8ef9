"""One invented file of each form that stages hand each other, with nothing null that holds keys."""

from __future__ import annotations

from rescalade.outcome import Outcome
from rescalade.record import Environment, Record
from rescalade.stored import Stored
from support.synthetic_audits import invented_audit

FILES: list[Stored] = [
    invented_audit("bert", "gemma2", 2.5),
    Outcome(
        run="mini/bert/k4/seed1", recipe="mini", backbone="bert", variant="k4", scale=4.0, mode="tied", bias=False,
        seed=1, steps=3, triples=20, examples=18, counts={"documents cut": 2}, verdict="dead", since_step=1,
        causes=("0.00 active terms per document",), first_loss=7.5, last_loss=2.5, skipped_steps=0, nonfinite_losses=0,
        nonfinite_weights=0, stopped_at=None, row_norm_before=0.5, row_norm_after=0.75, devices=1, seconds=12.5,
    ),
    Record(
        stage="train", settings={"learning_rate": 0.5}, code="c0de",
        made=Environment(
            rescalade="0.1.0", git="0123+", python="3.11.7", packages={"torch": "2.13.0"}, platform="Linux",
            cpu="A CPU", cores=2, gpu=None,
        ),
        inputs={"a/model.safetensors": "ab"}, seconds=1.5, peak_memory_bytes=1000,
    ),
]  # fmt: skip
