"""Commands that make, audit and rescale backbones."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rescalade.audited import Audit
from rescalade.cli.context import Context
from rescalade.cli.model_places import RevisionOption, check_revision
from rescalade.cli.surplus import refuse_surplus
from rescalade.config.default_rule import DEFAULT_RULE
from rescalade.errors import UserError
from rescalade.variants import Variant

logger = logging.getLogger(__name__)

FOLDED = "folded"
"""The mode of a model elsewhere, where nothing else is said."""


def backbone(context: Context, name: str) -> None:
    """Pretrain a backbone, or take it from a local folder, the hub or a wheel."""
    context.execute("backbone", backbone=name)


def ready(context: Context, name: str) -> None:
    """Have a sparse retriever that others have trained, from a local folder or the hub, as it is."""
    context.execute("ready", backbone=name)


def adapt(
    context: Context,
    name: Annotated[str, typer.Argument(metavar="BACKBONE", help="A causal backbone of the configuration.")],
    recipe: Annotated[str | None, typer.Option(help="Recipe with an adaptation phase; else the experiment's.")] = None,
    devices: Annotated[
        int | None,
        typer.Option("--devices", min=1, help="GPUs, or processes on the CPU, that work together; else as configured."),
    ] = None,
) -> None:
    """Adapt a causal backbone to term weights, by its next token, before its head is divided and it is trained."""
    from rescalade.pipeline.resources import devices as configured
    from rescalade.training.launch import launch, launched

    names = {"backbone": name, "recipe": context.recipe(recipe)}
    count = devices or configured(context.config, names)
    if count > 1 and not launched():
        launch(count, context.machine.device())
    context.execute("adapt", **names)


def audit(
    context: Context,
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Configured backbones, model folders, hub ids.")
    ],
    out: Annotated[Path | None, typer.Option(help="Folder for a page, a plot and JSON per model.")] = None,
    revision: RevisionOption = None,
    recipe: Annotated[str | None, typer.Option(help="Recipe of the experiment, for configured backbones.")] = None,
    texts: Annotated[
        Path | None, typer.Option(help="Texts to measure offsets on, .tsv or .jsonl: tries these on the sample text.")
    ] = None,
) -> None:
    """Measure heads before any training: will it collapse, and which k?

    A configured backbone is measured on the training text of its experiment and lands under --results. Model folders
    and hub ids are measured on a built-in sample text and shown; --out writes files, --texts tries offsets too.
    """
    from rescalade.cli.audits import on_hub, show
    from rescalade.pipeline.graph import output

    check_revision(names, revision, partial(on_hub, context))
    configured = [name for name in names if out is None and texts is None and context.configured_backbone(name)]
    for name in configured:
        chosen = {"backbone": name, "recipe": context.recipe(recipe)}
        context.execute("audit_backbone", **chosen)
        found = Audit.read(output(context.paths, "audit_backbone", "audit", **chosen))
        show(found, context.config.train_settings(name).temperature)
        if warned := sum(bool(row.warnings) for row in found.scales):
            logger.warning("%d of %d divisions begin badly; log and page say which", warned, len(found.scales))
    others = [name for name in names if name not in configured]
    if not configured:
        refuse_surplus(
            {"--recipe": recipe is not None}, "a recipe is for a configured backbone without --out or --texts"
        )
    if others:
        from rescalade.cli.audits import audit_elsewhere

        audit_elsewhere(context, others, out, revision, texts)


def rescale(
    context: Context,
    name: Annotated[str, typer.Argument(help="Configured backbone, model folder or hub id.")],
    variant: Annotated[str | None, typer.Option(help="k1, k16, k4-untied, k16-folded-bias, kauto-loss, …")] = None,
    k: Annotated[str | None, typer.Option("--k", help="Scale, or `auto`.")] = None,
    mode: Annotated[str, typer.Option(help="tied, untied, folded or multiplier.")] = FOLDED,
    bias: Annotated[bool | None, typer.Option(help="Divide the bias too; where there is one, if not said.")] = None,
    rule: Annotated[
        str, typer.Option(help="For --k auto: width, norm, activation, score, loss or root.")
    ] = DEFAULT_RULE,
    offset: Annotated[
        float | None, typer.Option(help="c: lower each term's logit by its mean plus c deviations over --texts.")
    ] = None,
    texts: Annotated[Path | None, typer.Option(help="Texts to measure the offset on, .tsv or .jsonl.")] = None,
    out: Annotated[Path | None, typer.Option(help="New model folder; needed with --k.")] = None,
    max_length: Annotated[int | None, typer.Option(help="Tokens to which SparseEncoder cuts texts.")] = None,
    revision: RevisionOption = None,
    recipe: Annotated[str | None, typer.Option(help="Recipe whose audit chooses k, with --variant kauto-…")] = None,
) -> None:
    """Divide a head by k: the stage of the pipeline with --variant, any model with --k and --out."""
    if variant is None:
        from rescalade.cli.audits import rescale_elsewhere, variant_of

        refuse_surplus({"--rule": k not in (None, "auto") and rule != DEFAULT_RULE}, "a rule is for --k auto")
        refuse_surplus({"--recipe": recipe is not None}, "a recipe is for --variant kauto-…")
        chosen = variant_of(k, mode, bias, rule, offset)
        rescale_elsewhere(
            context,
            name,
            chosen,
            out,
            bias_where_present=bias is None,
            max_length=max_length,
            revision=revision,
            texts=texts,
        )
        return
    if any(option is not None for option in (k, out, offset, texts)):
        raise UserError(
            "--variant names the pipeline's own folder; for a model elsewhere use --k, --mode, --offset and --out"
        )
    others = {
        "--mode": mode != FOLDED, "--bias": bias is not None, "--rule": rule != DEFAULT_RULE,
        "--max-length": max_length is not None, "--revision": revision is not None,
    }  # fmt: skip
    refuse_surplus(others, f"--variant {variant} says what is divided, and how")
    if not Variant.parse(variant).by_recipe:
        context.execute("rescale", backbone=name, variant=variant)
    else:
        chosen_recipe = context.recipe(recipe)
        context.execute("rescale_by_rule", backbone=name, variant=variant, recipe=chosen_recipe)
