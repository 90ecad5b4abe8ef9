"""A configuration for the evaluation of models that are there, without an entry in any file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rescalade.config.config import Config
from rescalade.config.load import Read, build_config
from rescalade.errors import UserError
from rescalade.models.hub_ids import is_hub_id
from rescalade.models.model_folder import is_model_folder


@dataclass
class Evaluation:
    """What an evaluation adds to a configuration.

    models: names of backbones, in the order of the tables. backbones, datasets: entries of those that no file has.
    retrieval: settings over the file's.
    """

    models: list[str] = field(default_factory=list)
    datasets: list[str] = field(default_factory=list)
    new_backbones: dict[str, dict[str, Any]] = field(default_factory=dict)
    new_datasets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add_model(self, read: Read, text: str, revision: str | None, *, trained: bool) -> str:
        """Add a configured backbone, a folder or an id of the hub, and return its name.

        Args:
            revision: of an id of the hub; its main branch where it is not said.
            trained: whether it is said to be a sparse retriever, though no file of it says so.

        Raises:
            UserError: it is none of the three.
        """
        known: Mapping[str, Any] = read.values.get("backbones", {})
        folder = Path(text).expanduser()
        if text in known:
            name = text
        elif folder.is_dir():
            folder = (folder / "model" if is_model_folder(folder / "model") else folder).absolute()
            name = self._new(known, _name(_words(folder)), {"source": "local", "path": str(folder), "trained": trained})
        elif is_hub_id(text):
            of_id = [key for key, entry in known.items() if entry.get("id") == text and revision is None]
            entry = {"source": "hub", "id": text, "revision": revision or "main", "trained": trained}
            name = of_id[0] if of_id else self._new(known, _name(text), entry)
        elif folder.is_file():
            raise UserError(
                f"model {text}: it is a file; a ranking that others have made stands in a table by an experiment with "
                "`runs` (docs/evaluating.md), and `rescalade score FILE --qrels FILE` scores it alone"
            )
        else:
            raise UserError(
                f"model {text!r}: expected a folder with a model, an id of the hub (owner/name) or a configured "
                "backbone; there is none of that name"
            )
        if name not in self.models:
            self.models.append(name)
        return name

    def add_dataset(self, read: Read, text: str, measures: Sequence[str]) -> None:
        """Add a configured data set or a folder of one's own files.

        Raises:
            UserError: it is neither.
        """
        known: Mapping[str, Any] = read.values.get("datasets", {})
        folder = Path(text).expanduser()
        name = text
        if text not in known:
            if not folder.is_dir():
                raise UserError(
                    f"data set {text!r}: expected a configured one, see `rescalade list datasets`, or a folder in "
                    "BEIR's layout; there is none of that name"
                )
            name = self._new_dataset(known, folder.absolute())
        if measures:
            entry = self.new_datasets.get(name) or dict(known[name])
            self.new_datasets[name] = {**entry, "measures": [*entry.get("measures", []), *measures]}
        if name not in self.datasets:
            self.datasets.append(name)

    def config(self, read: Read, name: str, retrieval: Mapping[str, Any], published: str | None = None) -> Config:
        """The configuration with these models and data sets as its experiment.

        Args:
            published: numbers to compare with, a file under catalogue/published.

        Raises:
            UserError: something in it is wrong.
        """
        values = dict(read.values)
        values["backbones"] = {**values.get("backbones", {}), **self.new_backbones}
        values["datasets"] = {**values.get("datasets", {}), **self.new_datasets}
        values["retrieval"] = {**values.get("retrieval", {}), **retrieval}
        experiment: dict[str, Any] = {"title": f"Evaluation of {', '.join(self.models)}", "in_domain": self.datasets}
        experiment |= {"models": self.models, "published": published}
        values["experiments"] = {**values.get("experiments", {}), name: experiment}
        values["experiment"] = name
        return build_config(values, name, read.lines, read.own)

    def _new_dataset(self, known: Mapping[str, Any], folder: Path) -> str:
        """The name of a folder of texts: no configured one, and no other folder's that is called the same."""
        wanted = _name(folder.name)
        while wanted in known:
            wanted += "-own"
        name, number, path = wanted, 1, str(folder)
        while name in known or self.new_datasets.get(name, {"path": path})["path"] != path:
            number += 1
            name = f"{wanted}-{number}"
        self.new_datasets.setdefault(name, {"source": "files", "path": path})
        return name

    def _new(self, known: Mapping[str, Any], name: str, entry: dict[str, Any]) -> str:
        """The entry under a name that nothing else has."""
        wanted, number = name, 1
        while wanted in known or self.new_backbones.get(wanted, entry) != entry:
            number += 1
            wanted = f"{name}-{number}"
        self.new_backbones[wanted] = entry
        return wanted


def _words(folder: Path) -> str:
    """What tells the folder of a model from others: its name, or of a run all that follows `runs`."""
    parts = folder.parts
    if folder.name == "model" and "runs" in parts:
        return "-".join(parts[len(parts) - parts[::-1].index("runs") : -1])
    return folder.name


def _name(text: str) -> str:
    """A name for folders: letters, digits, dot, underscore, hyphen."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._") or "model"
