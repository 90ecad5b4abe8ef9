"""Which files of a user's folder a data set is made of."""

from __future__ import annotations

import glob
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rescalade.errors import UserError, shown_path
from rescalade.texts.named_rows import KINDS

log = logging.getLogger(__name__)

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

    def warn(self) -> None:
        """Say what lies beside a file that is read, of the same name but for its ending, and is not read."""
        corpus = found(self.folder, ["corpus"], KINDS)
        for path, endings in ((corpus, KINDS), (self.queries, KINDS), (self.judgements, TABLES)):
            others = [] if path is None else passed_over(path, endings)
            if path is not None and others:
                names = ", ".join(other.name for other in others)
                log.warning("data set %s: %s is read; beside it lies %s, which is not", self.name, path, names)


def folder_layout(name: str, folder: Path, part: str | None) -> FolderLayout:
    """The files of a part, in BEIR's layout or side by side.

    Raises:
        UserError: there is no such folder, or a file is missing.
    """
    if not folder.is_dir():
        raise UserError(f"data set {name}: there is no folder {shown_path(folder)}; correct datasets.{name}.path")
    queries, judgements = (find(name, folder, *wanted) for wanted in (_queries(part), _judgements(part)))
    return FolderLayout(name, folder, queries, judgements, queries.name.startswith("queries."))


def expected_files(folder: Path, part: str | None, *, corpus: bool) -> list[Path]:
    """The files of a part as they lie there now; one that is missing by a name that it could have.

    Args:
        corpus: whether documents are among them.
    """
    wanted = [_queries(part), _judgements(part), *([(["corpus"], KINDS)] if corpus else [])]
    return [found(folder, stems, endings) or folder / f"{stems[-1]}{endings[0]}" for stems, endings in wanted]


def find(name: str, folder: Path, stems: Sequence[str], endings: Sequence[str]) -> Path:
    """As `found`.

    Raises:
        UserError: there is none.
    """
    path = found(folder, stems, endings)
    if path is None:
        wanted = ", ".join(f"{stem}{ending}" for stem in stems for ending in endings)
        like = sorted({other.name for stem in stems for other in _alike(folder / stem)})
        there = f"; {', '.join(like[:3])}: there, and not read" if like else ""
        raise UserError(
            f"data set {name}: {folder} has none of {wanted} (plain or .gz){there}; see docs/data.md for the layout"
        )
    return path


def found(folder: Path, stems: Sequence[str], endings: Sequence[str]) -> Path | None:
    """The first file that is there of some stems, each with some endings, plain or with .gz, in capitals or not."""
    for stem in stems:
        if there := _files(folder / stem, endings):
            return there[0]
    return None


def passed_over(path: Path, endings: Sequence[str]) -> list[Path]:
    """Files of the same stem as one that `found` has chosen, which are not read: `corpus.jsonl.gz` beside it, say."""
    stem = path.name.lower().removesuffix(".gz")
    ending = next(each for each in endings if stem.endswith(each))
    return [other for other in _files(path.with_name(path.name[: len(stem) - len(ending)]), endings) if other != path]


def _files(place: Path, endings: Sequence[str]) -> list[Path]:
    """What is there of one stem, in the order of the endings."""
    beside = sorted(place.parent.glob(f"{glob.escape(place.name)}.*"))
    wanted = [each + packed for each in endings for packed in ("", ".gz")]
    there = [
        path
        for ending in wanted
        for path in [place.with_name(place.name + ending), *beside]
        if path.name[len(place.name) :].lower() == ending and path.is_file()
    ]
    return list(dict.fromkeys(there))


def _alike(place: Path) -> list[Path]:
    """Files of a stem in whatever capitals and with whatever ending: corpus.csv, Corpus.jsonl."""
    if not place.parent.is_dir():
        return []
    return [path for path in place.parent.iterdir() if path.name.lower().startswith(f"{place.name.lower()}.")]


def _queries(part: str | None) -> tuple[list[str], Sequence[str]]:
    return [*([f"queries-{part}"] if part else []), "queries"], KINDS


def _judgements(part: str | None) -> tuple[list[str], Sequence[str]]:
    return [f"qrels/{part}", f"qrels-{part}"] if part else ["qrels", "qrels/test"], TABLES
