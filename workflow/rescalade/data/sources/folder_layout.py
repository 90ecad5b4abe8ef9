"""Which files of a user's folder a data set is made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rescalade.errors import UserError
from rescalade.texts.named_rows import KINDS

TABLES = (".tsv", ".txt")
"""Endings of files of judgements."""


class FolderLayout(NamedTuple):
    """Files of one part of a data set; the corpus is looked for when it is asked for.

    shared: whether all parts share the queries.
    """

    name: str
    folder: Path
    queries: Path
    judgements: Path
    shared: bool

    def corpus(self) -> Path:
        """The file of documents, which a set that has those of another does without.

        Raises:
            UserError: there is none.
        """
        return find(self.name, self.folder, ["corpus"], KINDS)


def folder_layout(name: str, folder: Path, part: str | None) -> FolderLayout:
    """The files of a part, in BEIR's layout or side by side.

    Raises:
        UserError: there is no such folder, or a file is missing.
    """
    if not folder.is_dir():
        counted = "" if folder.is_absolute() else f" in {Path.cwd()}, from where relative paths count"
        raise UserError(f"data set {name}: there is no folder {folder}{counted}; correct datasets.{name}.path")
    own = [f"queries-{part}"] if part else []
    queries = find(name, folder, [*own, "queries"], KINDS)
    parts = [f"qrels/{part}", f"qrels-{part}"] if part else ["qrels", "qrels/test"]
    return FolderLayout(name, folder, queries, find(name, folder, parts, TABLES), queries.name.startswith("queries."))


def find(name: str, folder: Path, stems: Sequence[str], endings: Sequence[str]) -> Path:
    """The first file that is there of some stems, each with some endings, plain or with .gz, in capitals or not.

    Raises:
        UserError: there is none.
    """
    for stem in stems:
        place = folder / stem
        for ending in (each + packed for each in endings for packed in ("", ".gz")):
            exact = place.with_name(place.name + ending)
            if exact.is_file():
                return exact
            for path in sorted(place.parent.glob("*")):
                if path.name.startswith(place.name) and path.name[len(place.name) :].lower() == ending:
                    return path
    wanted = ", ".join(f"{stem}{ending}" for stem in stems for ending in endings)
    raise UserError(f"data set {name}: {folder} has none of {wanted} (plain or .gz); see docs/data.md for the layout")
