"""The manifest of an encoded data set, which guards its files, and the corpus read through it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from rescalade.atomic import sha256
from rescalade.errors import UserError
from rescalade.vectors.file_names import MANIFEST
from rescalade.vectors.files import read_vectors
from rescalade.vectors.manifest_file import VectorsManifest
from rescalade.vectors.reader import SparseVectors, read_facts
from rescalade.vectors.shared_corpus import check_belongs, corpus_folder


def read_manifest(folder: Path) -> VectorsManifest:
    """The manifest of an encoded data set, after comparing every file with it.

    Raises:
        UserError: a file is missing or damaged, or comes from another model or vocabulary.
    """
    manifest = VectorsManifest.read(folder / MANIFEST)
    for name, expected in manifest.sha256.items():
        path = folder / name
        if not path.is_file():
            raise UserError(f"{path} is missing; encode again, whole files are kept")
        found = sha256(path)
        if found != expected:
            _check_origin(path, manifest)
            raise UserError(
                f"{path}: sha256 {found[:12]}… found, the manifest says {expected[:12]}…; "
                "the file is damaged: delete it and encode again, the others are kept"
            )
    return manifest


def model_digest(*folders: Path) -> str:
    """Digest of a model's weights, which lie in one folder or in several.

    Raises:
        UserError: there are none.
    """
    if len(folders) > 1:
        return hashlib.sha256(" ".join(map(model_digest, folders)).encode()).hexdigest()
    (folder,) = folders
    single = folder / "model.safetensors"
    if single.is_file():
        return sha256(single)
    parts = sorted(folder.glob("*.safetensors"))
    if not parts:
        pickled = any(folder.glob("pytorch_model*.bin"))
        raise UserError(
            f"{folder}: no *.safetensors file is there; "
            + (
                "pickled weights can run code and are not loaded: convert it once with save_pretrained"
                if pickled
                else "expected a model folder"
            )
        )
    return hashlib.sha256("\n".join(f"{path.name} {sha256(path)}" for path in parts).encode()).hexdigest()


class CorpusShards:
    """The encoded corpus of a data set, one shard at a time; nobody has to hold it whole.

    May be iterated any number of times, always in document order: each time every shard is read from disk
    again, its weights as float32 whatever type they are stored in. `len` is the number of shards.

    folder, manifest: of the vectors that hold the documents. For a data set that shares another's corpus these are the
    other's; its own folder holds the queries.
    """

    def __init__(self, folder: Path) -> None:
        """Compare the folder with its manifest, and so the one that it names for the documents.

        Raises:
            UserError: a shard is missing or damaged, or the two folders do not belong together.
        """
        self.folder, self.manifest = folder, read_manifest(folder)
        corpus = corpus_folder(folder)
        if corpus != folder:
            if not (corpus / MANIFEST).is_file():
                raise UserError(
                    f"{folder} has the documents of {corpus.name}, which is not encoded; encode {corpus.name} first"
                )
            self.folder, self.manifest = corpus, read_manifest(corpus)
            check_belongs(folder, VectorsManifest.read(folder / MANIFEST), corpus, self.manifest)

    def __len__(self) -> int:
        return len(self.manifest.shards)

    def __iter__(self) -> Iterator[SparseVectors]:
        for name in self.manifest.shards:
            yield read_vectors(self.folder / name)

    @property
    def documents(self) -> int:
        """Number of documents in all shards."""
        return self.manifest.documents


def _check_origin(path: Path, manifest: VectorsManifest) -> None:
    """A file that is whole, but not the manifest's: say whose it is."""
    try:
        facts = read_facts(path)
    except (OSError, ValueError, pa.ArrowException):
        return
    for key, expected in (("vocabulary", manifest.vocabulary), ("model", manifest.model)):
        if key in facts and facts[key] != expected:
            raise UserError(
                f"{path} is of another model: {key} {str(facts[key])[:12]}, the manifest says "
                f"{str(expected)[:12]}; delete it and encode again, the others are kept"
            )
