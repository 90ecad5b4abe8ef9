"""What a data set's entry must and may say, by the kind of its source."""

from __future__ import annotations

from rescalade.config.errors import Lines
from rescalade.config.model import ConfigModel
from rescalade.data.settings import DatasetConfig
from rescalade.errors import UserError, nearest

NEEDED = {
    "pydoc": ("packages",),
    "wheel": (),
    "ir_datasets": ("id",),
    "files": ("path",),
    "hub": ("id", "revision"),
}
ALLOWED = {
    "pydoc": ("part", "per_package", "limit"),
    "wheel": ("part",),
    "ir_datasets": (),
    "files": ("part",),
    "hub": ("subset", "texts", "part", "limit"),
}
OF_A_KIND = ("packages", "id", "path", "revision", "subset", "texts", "part", "per_package", "limit")
PARTS = {"pydoc": ("train", "held-out", "all"), "wheel": ("train", "dev")}


def check_dataset(name: str, model: ConfigModel, lines: Lines) -> None:
    """Check one entry whose source is known to exist.

    Raises:
        UserError: a key is missing or has no meaning for the source's kind, a part or the other data set named by
            `corpus` does not exist.
    """
    entry = model.datasets[name]
    kind = model.sources[entry.source].kind
    given = {key for key in OF_A_KIND if getattr(entry, key) not in (None, [])}
    for key in NEEDED[kind]:
        if key not in given:
            raise UserError(f"{_at(name, '', lines)}datasets.{name}.{key}: required for a source of kind {kind}")
    for key in OF_A_KIND:
        if key in given and key not in (*NEEDED[kind], *ALLOWED[kind]):
            raise UserError(
                f"{_at(name, key, lines)}datasets.{name}.{key}: has no meaning for a source of kind {kind}; remove it"
            )
    if kind in PARTS and entry.part is not None and entry.part not in PARTS[kind]:
        raise UserError(
            f"{_at(name, 'part', lines)}datasets.{name}.part: {entry.part!r} is not one of {', '.join(PARTS[kind])}"
        )
    _check_corpus(name, entry, model, lines)


def _check_corpus(name: str, entry: DatasetConfig, model: ConfigModel, lines: Lines) -> None:
    if entry.corpus is None:
        return
    place = f"{_at(name, 'corpus', lines)}datasets.{name}.corpus"
    if entry.corpus not in model.datasets:
        raise UserError(f"{place}: unknown data set {entry.corpus!r}; {nearest(entry.corpus, model.datasets)}")
    if entry.corpus == name or model.datasets[entry.corpus].corpus is not None:
        raise UserError(f"{place}: name a data set that has documents of its own")
    if model.datasets[entry.corpus].titles != entry.titles:
        raise UserError(f"{place}: {entry.corpus} has another rule for titles; documents must be the same")


def _at(name: str, key: str, lines: Lines) -> str:
    return lines.place(("datasets", name, key) if key else ("datasets", name))
