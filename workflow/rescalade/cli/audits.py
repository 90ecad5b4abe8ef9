"""Audits and divisions of models outside the pipeline: folders and hub ids."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.table import Table

from rescalade.atomic import atomic_folder
from rescalade.audited import Audit, predicted_scale
from rescalade.cli.context import Context
from rescalade.cli.model_places import check_revision, fetched, local_model
from rescalade.cli.run_places import is_file, is_folder
from rescalade.config.default_rule import DEFAULT_RULE, FITTED_ON
from rescalade.errors import UserError
from rescalade.models.model_folder import is_model_folder
from rescalade.pipeline.graph import output
from rescalade.progress import Reporter
from rescalade.variants import MODES, Mode, ScaleRule, Variant


def audit_elsewhere(
    context: Context, names: Sequence[str], out: Path | None, revision: str | None, texts: Path | None = None
) -> None:
    """Audit models on the sample text, show what was found, and write it where asked; with offsets from `texts`."""
    if out is not None:  # first: what it needs and is not installed is said before the minutes of an audit
        from rescalade.report.audit.audit_page import file_names, write_audit_page
    from rescalade.audit.sample_audit import audit_model
    from rescalade.rescaling.offset_texts import own_texts

    offset_texts = [] if texts is None else own_texts(texts)
    device = _use_all_cores(context)
    found: list[Audit] = []
    for name in names:
        origin = _origin(context, name, revision)
        with Reporter(f"audit {name}") as progress:
            audited = audit_model(origin, device=device, progress=progress, offset_texts=offset_texts)
        found.append(audited.model_copy(update={"backbone": name}))
        show(found[-1])
    if out is not None:
        for audited, stem in zip(found, file_names([each.backbone for each in found]), strict=True):
            audited.write(out / f"{stem}.json")
        write_audit_page(found, out)
        _console().print(f"written: {out / 'audit.html'}")


def rescale_elsewhere(
    context: Context,
    name: str,
    variant: Variant,
    out: Path | None,
    *,
    bias_where_present: bool,
    max_length: int | None,
    revision: str | None,
    texts: Path | None = None,
) -> None:
    """Write a divided model into a new folder.

    Args:
        texts: file of texts on which the variant's offset is measured.

    Raises:
        UserError: there is no folder to write to, or it holds something already; texts without an offset, or the other
            way round.
    """
    from rescalade.rescaling.make import make_rescaled
    from rescalade.rescaling.offset_texts import own_texts

    if variant.offset is not None and texts is None:
        raise UserError("--offset is measured on texts: name a file of them with --texts (.tsv or .jsonl)")
    if texts is not None and variant.offset is None:
        raise UserError("--texts are for an offset of each term: give its c with --offset, 2 say, or leave --texts out")
    if out is None:
        raise UserError("--out is missing: the folder for the divided model")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists already and is not empty; choose a new folder")
    check_revision([name], revision, partial(on_hub, context))
    read = None if texts is None else own_texts(texts)
    _use_all_cores(context)
    origin = _origin(context, name, revision)
    if variant.rule is not None:
        from rescalade.audit.sample_audit import audit_model

        audited = audit_model(origin, device=context.machine.device())
        variant = replace(variant, bias=variant.bias or (bias_where_present and audited.bias_norm is not None))
        variant = variant.chosen(predicted_scale(audited.predicted, variant))
    with atomic_folder(out) as folder:
        done = make_rescaled(
            origin,
            variant,
            folder,
            title=name,
            max_length=max_length,
            bias_where_present=bias_where_present,
            offset_texts=read,
        )
    _console().print(
        f"{out}: head divided by {done.scale:g}, {done.mode}; logits are {done.logit_error:.2g} (relative) "
        "from the pure division on sample text",
        highlight=False,
    )
    if done.offset is not None:
        _console().print(
            f"each term's logit lowered by its mean plus {done.offset.c:g} deviations over {done.offset.texts} texts, "
            f"on average {done.offset.mean:.3g} + {done.offset.c:g} x {done.offset.sd:.3g}",
            highlight=False,
        )
    if done.no_sparse_encoder is not None:
        _console().print(
            f"no folder of a SparseEncoder, which could not give its vectors: {done.no_sparse_encoder}", highlight=False
        )


def variant_of(k: str | None, mode: str, bias: bool | None, rule: str, offset: float | None = None) -> Variant:
    """The variant that the options name; without a word on the bias, it is not divided yet.

    Raises:
        UserError: k is missing or no number above 0, or mode or rule are unknown.
    """
    if k is None:
        raise UserError("--k is missing: a number above 0, or `auto` with --rule")
    try:
        scale = 0.0 if k == "auto" else float(k)
    except ValueError:
        raise UserError(f"--k {k!r}: expected a number above 0, or auto") from None
    chosen_by = cast("ScaleRule", rule) if k == "auto" else None
    return Variant(scale, cast("Mode", mode), bool(bias), chosen_by, offset)  # which checks them


def show(audit: Audit, temperature: float = 1.0) -> None:
    """Print an audit, of a loss of this temperature, as small tables and advice."""
    from rescalade.report.results.advice import advice, start
    from rescalade.report.results.known import alike, in_words, reference

    console = _console()
    norm = audit.row_norm
    bias = "none" if audit.bias_norm is None else f"{audit.bias_norm:.4g}"
    console.print(
        f"{audit.backbone}: {audit.model_type} head, W {audit.vocabulary:,} x {audit.width}, "
        f"{'tied' if audit.tied else 'not tied'}; row norm {norm.mean:.4g} (max {norm.max:.4g}, "
        f"sd {norm.sd:.3g}), Frobenius {audit.frobenius:.4g}, anisotropy {audit.anisotropy:.3f}, "
        f"bias norm {bias}",
        highlight=False,
    )
    columns = (
        "k",
        "mode",
        "bias",
        "off z/k by",
        "active/doc",
        "score",
        "spread",
        "step-0 loss",
        "gradient",
        "start",
        "trained, of known alike",
    )
    scales = Table(*columns, title=f"At step 0, on {audit.text.name}")
    for row in sorted(audit.scales, key=lambda row: (MODES.index(row.mode), row.k)):
        scales.add_row(
            f"{row.k:g}",
            row.mode,
            "/ k" if row.bias else "kept",
            f"{row.logit_error:.2%}",
            f"{row.active_document:,.0f}",
            f"{row.score_mean:,.4g}",
            f"{row.score_sd / temperature:,.3g}",
            f"{row.step0_loss:,.4g}",
            f"{row.gradient_norm:,.3g}",
            start(row, temperature),
            in_words(alike(row, audit.text.documents, reference(), temperature)),
        )
    console.print(scales)
    first = next((row for row in audit.scales if row.k == 1 and row.mode == "tied"), None)
    if first is not None:
        console.print(
            f"pooled logits at k = 1: {first.pooled_positive:.2%} above 0; the maximum stands at the first token in "
            f"{first.first_token:.1%}, at the last in {first.last_token:.1%}; offsets of terms {first.offset_mean:.3g} "
            f"± {first.offset_sd:.3g}",
            highlight=False,
        )
    for row in audit.scales:
        if row.warnings:
            console.print(f"k = {row.k:g} {row.mode}: {'; '.join(row.warnings)}", highlight=False)
    if audit.offsets:
        offsets = Table(
            "offset c", "active/query", "active/doc", "cosine", "score", "step-0 loss", "found",
            title=f"With an offset of each term, measured on {audit.offset_texts} texts, at k = 1",
        )  # fmt: skip
        for tried in audit.offsets:
            offsets.add_row(
                "none" if tried.c is None else f"{tried.c:g}",
                f"{tried.active_query:,.0f}",
                f"{tried.active_document:,.0f}",
                f"{tried.cosine_document:.3f}",
                f"{tried.score_mean:,.4g}",
                f"{tried.step0_loss:,.4g}",
                f"{tried.accuracy:.0%}",
            )
        console.print(offsets)
    rules = Table("rule", "k", "used", "target", title="k by rule")
    for rule, value in audit.predicted.items():
        computed = "none" if value.k is None or not math.isfinite(value.k) else f"{value.k:.3g}"
        rules.add_row(rule, computed, str(value.power), "; ".join(filter(None, [value.target, value.note])))
    console.print(rules)
    console.print(f"scales: [auto] takes the rule {DEFAULT_RULE}: {FITTED_ON}", highlight=False, markup=False)
    for found in audit.modes:
        if found.status != "exact":
            what = "refused" if found.logit_error is None else f"logits {found.logit_error:.1%} off z / k"
            console.print(f"mode {found.mode}: {what}: {found.note}", highlight=False)
    for line in advice(audit, temperature):
        console.print(line, highlight=False, markup=False)


def _console() -> Console:
    return Console(width=None if sys.stdout.isatty() else 118)


def _use_all_cores(context: Context) -> str:
    """The device; on a CPU every core helps, since nothing else of a pipeline runs beside this command."""
    import torch

    device = context.machine.device()
    torch.set_num_threads(max(context.machine.threads, os.cpu_count() or 1))
    return device


def on_hub(context: Context, name: str) -> bool:
    """Whether a name is looked for on the hub: neither a configured backbone nor a path. Old ids have no owner."""
    path = name.startswith((".", "/", "~")) or name.count("/") > 1 or is_folder(name) or is_file(name)
    return not path and not context.configured_backbone(name)


def _origin(context: Context, name: str, revision: str | None) -> str:
    """Where a model is: the results of a configured backbone that has been made, a folder, or a snapshot from the hub.

    Raises:
        UserError: a path that is no model folder; a hub id that did not arrive.
    """
    folder = Path(name).expanduser()
    if not is_model_folder(folder) and context.configured_backbone(name):
        made = output(context.paths, "backbone", "model", backbone=name)
        if not (made / "config.json").is_file():
            raise UserError(f"backbone {name}: {made} has not been made yet; run `rescalade backbone {name}` first")
        return str(made)
    found = local_model(name)
    if found is not None:
        return str(found)
    if not on_hub(context, name):
        raise UserError(f"{name}: no config.json there; expected a model folder saved by save_pretrained, or a hub id")
    return str(fetched(name, revision).folder)
