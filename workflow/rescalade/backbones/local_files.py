"""A user's model folder."""

from __future__ import annotations

from pathlib import Path

from rescalade.errors import UserError, shown_path
from rescalade.models.model_files import MODULES
from rescalade.models.model_folder import is_model_folder
from rescalade.models.refusals import check_no_adapter


def local_source(path: str) -> Path:
    """A folder given in the configuration, checked before transformers would take it for a hub name.

    Raises:
        UserError: it is not a model folder.
    """
    folder = Path(path).expanduser()
    check_no_adapter(folder)
    if not is_model_folder(folder):
        raise UserError(
            f"model folder {shown_path(folder)}: neither config.json nor {MODULES} is there; expected a model saved by "
            "save_pretrained"
        )
    return folder
