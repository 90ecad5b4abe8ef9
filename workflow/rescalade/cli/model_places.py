"""Where the model is that a command names: a folder, a run by its name or its folder, or an id on the hub."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from rescalade.cli.run_places import is_folder, run_named
from rescalade.errors import UserError
from rescalade.models.hub_ids import is_hub_id
from rescalade.paths import Paths
from rescalade.pipeline.graph import output
from rescalade.runs import Run

RevisionOption = Annotated[
    str | None,
    typer.Option("--revision", help="Commit, branch or tag of an id on the hub; its main branch if not said."),
]


@dataclass(frozen=True)
class ModelPlace:
    """folder: of the model. named: by what the command names it, of the hub with the whole commit, id@commit."""

    folder: Path
    named: str


def has_owner(name: str) -> bool:
    """Whether a name is an id on the hub, owner/name, and no folder."""
    return is_hub_id(name) and not is_folder(name)


def check_revision(names: Sequence[str], revision: str | None, on_hub: Callable[[str], bool] = has_owner) -> None:
    """Refuse a revision where no id on the hub is named, which alone has any.

    Args:
        on_hub: whether a name is one.

    Raises:
        UserError: it is so.
    """
    if revision is None or any(map(on_hub, names)):
        return
    found = f"{', '.join(names)} is none" if names else "none is named"
    raise UserError(
        f"--revision {revision}: only an id on the hub, owner/name, has revisions, and {found}; leave --revision out"
    )


def model_place(paths: Paths, name: str, revision: str | None = None) -> ModelPlace:
    """Where a model is, which a hub id makes arrive first.

    Raises:
        UserError: it is none of these, the run has not been trained, the hub does not give it, or a revision is asked
            for of what has none.
    """
    check_revision([name], revision)
    found = local_model(name)
    if found is not None:
        return ModelPlace(found, name)
    if is_hub_id(name):
        return fetched(name, revision)
    try:
        run = run_named(paths, name)
    except UserError:
        raise UserError(
            f"{name!r} is neither a model folder nor a run, RECIPE/BACKBONE/VARIANT/seedN, nor an id on the hub, "
            "owner/name"
        ) from None
    return ModelPlace(model_of(paths, run), name)


def model_of(paths: Paths, run: Run) -> Path:
    """Folder of a run's model: of what it would start from, where nothing is trained; of others', where they made it.

    Raises:
        UserError: it is not there.
    """
    from rescalade.models.model_folder import is_model_folder

    if run.ready:
        remedy = f"run `rescalade ready {run.backbone}` first"
        model = output(paths, "ready", "model", backbone=run.backbone)
    elif run.trained:
        model, remedy = output(paths, "train", "model", run=run.training), "train the run first"
    else:
        names = {"backbone": run.backbone, "variant": run.variant.start.name}
        rule = "rescale_by_rule" if run.variant.by_recipe else "rescale"
        more = {"recipe": run.recipe} if run.variant.by_recipe else {}
        model, remedy = output(paths, rule, "model", **names, **more), "rescale the backbone first"
    if not is_model_folder(model):
        raise UserError(f"{model} is missing; {remedy}")
    return model


def local_model(name: str) -> Path | None:
    """A folder with a model or of a run; None where there is no folder.

    Raises:
        UserError: it is a folder without a model.
    """
    from rescalade.models.model_files import MODULES
    from rescalade.models.model_folder import is_model_folder
    from rescalade.models.refusals import check_no_adapter

    folder = Path(name).expanduser()
    if is_model_folder(folder):
        return folder
    if is_model_folder(folder / "model"):  # the folder of a run
        return folder / "model"
    if folder.is_dir():
        check_no_adapter(folder)
        raise UserError(f"{folder}: neither config.json nor {MODULES} is there; expected a model folder")
    return None


def fetched(name: str, revision: str | None = None) -> ModelPlace:
    """A snapshot from the hub, downloaded where the cache does not hold it whole.

    Raises:
        UserError: see `rescalade.backbones.hub.fetch`.
    """
    from rescalade.backbones.hub import fetch

    try:
        arrived = fetch(name, revision or "main")
    except UserError as error:
        raise UserError(f"there is no folder {name}, and as an id on the hub: {error}") from None
    return ModelPlace(arrived.folder, f"{name}@{arrived.commit}")
