"""A plan in words and tables."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Column, Table

from rescalade.pipeline.plan.assumptions import Assumptions
from rescalade.pipeline.plan.plan import Plan
from rescalade.pipeline.plan.speed import ENCODE_OPERATIONS, TRAIN_OPERATIONS, Speed


def show_plan(plan: Plan, console: Console) -> None:
    """Print jobs, work, downloads and disk of what is to do, and what stands behind the numbers."""
    numbers = [Column(name, justify="right") for name in ("jobs", "done", "to do")]
    jobs = Table("stage", *numbers, title=f"Plan of {plan.experiment}")
    for rule, count in plan.jobs.items():
        left = plan.todo.get(rule, 0)
        jobs.add_row(rule, f"{count:,}", f"{count - left:,}", f"{left:,}")
    total, left = sum(plan.jobs.values()), sum(plan.todo.values())
    jobs.add_section()
    jobs.add_row("total", f"{total:,}", f"{total - left:,}", f"{left:,}")
    console.print(jobs)
    work = plan.work
    console.print(_pairs("Work to do", {
        "runs to train": f"{work.runs:,}",
        "optimiser steps": f"{work.steps:,}",
        "tokens to train on": _short(work.train_tokens),
        **({"tokens to adapt to": _short(work.adapt_tokens)} if work.adapt_tokens else {}),
        "documents to encode": f"{work.documents:,}",
        "tokens to encode": _short(work.encode_tokens),
        "hours on one device, training": _hours(work.train_hours),
        "hours on one device, encoding": _hours(work.encode_hours),
        "hours on one device": _hours(work.train_hours + work.encode_hours),
        **({"memory of a GPU that trains, at most": _bytes(max(work.memory.values()))} if work.memory else {}),
    }))  # fmt: skip
    downloads = {name: _bytes(size) for name, size in plan.downloads.items()}
    console.print(_pairs("Downloads", {**downloads, "all": _bytes(sum(plan.downloads.values()))}))
    disk = {name: _bytes(size) for name, size in plan.disk.items() if size}
    where = "results and downloads" if plan.same_disk else "results"
    console.print(_pairs("Disk", {**disk, f"needed, {where}": _bytes(plan.needed), "free": _bytes(plan.free)}))
    for line in notes(plan):
        console.print(line, highlight=False, soft_wrap=True)


def notes(plan: Plan) -> list[str]:
    """Where the numbers come from, and what they leave out."""
    assumed = plan.assumptions
    lines = [
        f"Texts: {assumed.query_tokens:g} tokens to a query, {assumed.document_tokens:g} to a document where that is "
        f"not cut, {assumed.active_terms:g} active terms (--query-tokens, --document-tokens, --active-terms)."
    ]
    training = _source("Training", plan.work.speeds, "step", assumed)
    encoding = _source("Encoding", plan.work.speeds, "document", assumed)
    lines += [line for line in (training, encoding) if line]
    lines += [
        f"{name}: training takes about {_bytes(size)} on a GPU, more than {assumed.gpu_memory:g} GB (--gpu-memory): "
        "lower train.encode_rows, set train.gradient_checkpointing, or train adapters (train.lora)."
        for name, size in plan.work.memory.items()
        if size > assumed.gpu_memory * 1e9
    ]
    if plan.unknown:
        lines.append(f"Not known before it is made or fetched, and not in the sums: {', '.join(plan.unknown)}.")
    return lines


def too_little(plan: Plan) -> str:
    """One line on a disk that is too small."""
    largest = max(plan.disk, key=lambda kind: plan.disk[kind])
    return (
        f"experiment {plan.experiment}: about {_bytes(plan.needed)} are needed on the disk of the results, "
        f"{_bytes(plan.free)} are free; the largest part is {largest} ({_bytes(plan.disk[largest])}). Free space, "
        "choose another --results folder, or delete vectors and indexes of finished runs: their scores stay"
    )


def _source(what: str, speeds: Mapping[str, Speed], kind: str, assumed: Assumptions) -> str:
    stated = assumed.train_tokens_per_second if kind == "step" else assumed.encode_per_second
    if not speeds:
        return ""
    if stated is not None:
        unit = "tokens" if kind == "step" else "documents"
        return f"{what}: {stated:,.4g} {unit} per second, as stated."
    found = {name: getattr(speed, f"{kind}_measured") for name, speed in speeds.items()}
    measured = sorted(name for name, device in found.items() if device)
    lines = []
    if measured:
        devices = ", ".join(sorted({str(found[name]) for name in measured}))
        lines.append(f"measured on finished runs of {', '.join(measured)} ({devices})")
    if len(measured) < len(found):
        operations = TRAIN_OPERATIONS if kind == "step" else ENCODE_OPERATIONS
        rest = "" if not measured else " for the others"
        lines.append(
            f"{operations} operations per weight and token{rest}, at {assumed.utilisation:.0%} of "
            f"{assumed.teraflops:g} TFLOP/s in bf16 or a sixteenth in float32, NVIDIA's figures for an A100 "
            "(--teraflops, --utilisation)"
        )
    return f"{what}: {'; '.join(lines)}."


def _pairs(title: str, values: Mapping[str, str]) -> Table:
    table = Table(Column(), Column(justify="right"), title=title, show_header=False)
    for name, value in values.items():
        table.add_row(name, value)
    return table


def _short(value: float) -> str:
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:,.0f}"


def _bytes(value: int) -> str:
    return f"{_short(value)}B" if value >= 1e6 else f"{value / 1e3:.3g} kB"


def _hours(value: float) -> str:
    return f"{value:,.1f}" if value >= 1 else f"{value:.2g}"
