"""Encodes a collection in shards of fixed document ranges, on any number of devices; finished files are kept."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rescalade.encoding.encoder import Encoder
from rescalade.encoding.encoding_manifest import write_manifest
from rescalade.encoding.settings import EncodeSettings
from rescalade.encoding.work_folder import WorkFolder
from rescalade.encoding.workers import run_on_devices
from rescalade.errors import UserError
from rescalade.models.model_folder import open_model_folder
from rescalade.progress import Progress
from rescalade.texts.text_parts import Texts
from rescalade.texts.tokens import cached_tokens, tokenizer_digest
from rescalade.vectors.file_names import QUERIES, shard_name
from rescalade.vectors.manifest import model_digest
from rescalade.vectors.manifest_file import VectorsManifest

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _File:
    """One file of the encoding: texts first to stop."""

    name: str
    texts: Texts
    first: int
    stop: int

    @property
    def is_corpus(self) -> bool:
        return self.name != QUERIES


class EncodeJob:
    """An encoding: a model, texts and settings, in a folder where it grows."""

    def __init__(
        self,
        model: Path,
        documents: Texts,
        queries: Texts,
        settings: EncodeSettings,
        *,
        work: WorkFolder,
        tokens: Path | None = None,
        code: str = "",
    ) -> None:
        """Describe the job; nothing is loaded yet.

        Args:
            model: folder of the model.
            work: where files are written, and where finished ones are looked for.
            tokens: folder of token numbers that are kept for other models with the same tokenizer.
            code: digest of the code; files of other code are made again.
        """
        self.model, self.settings, self.work, self.how = model, settings, work, settings.how(model)
        self._tokens, self._code = tokens, code
        parts = open_model_folder(model).parts
        self.digests = {
            "model": model_digest(*parts),
            "tokenizer": tokenizer_digest(*parts),
            "data": {"corpus": documents.digest, "queries": queries.digest},
        }
        size, count = settings.shard_documents, documents.count if settings.corpus is None else 0
        self._files = [
            _File(shard_name(number), documents, first, min(first + size, count))
            for number, first in enumerate(range(0, count, size))
        ]
        self._queries = _File(QUERIES, queries, 0, queries.count)

    @property
    def shards(self) -> list[str]:
        """Names of the corpus shards."""
        return [file.name for file in self._files]

    def encode_shard(self, number: int, device: str, progress: Progress) -> None:
        """Make one shard and its digest, unless they are there.

        Raises:
            UserError: there is no such shard.
        """
        if self.settings.corpus is not None:
            raise UserError(f"shard {number}: the documents are those of {self.settings.corpus}; encode its shards")
        if not 0 <= number < len(self._files):
            raise UserError(f"shard {number}: the corpus has {len(self._files)}, counted from 0")
        self._make([self._files[number]], [device], progress)

    def encode(self, devices: Sequence[str], progress: Progress, *, finite: bool = False) -> VectorsManifest:
        """Make every file that is not finished, then the manifest, which is returned.

        Args:
            finite: whether a model that gives weights that are not finite is refused. To the pipeline it is a result:
                a run that has collapsed, which the manifest says.

        Raises:
            UserError: it is; nothing is left of the encoding.
        """
        facts = self._make([*self._files, self._queries], devices, progress)
        broken = sum(int(said["tally"]["broken"]) for said in facts.values())
        if finite and broken:
            shutil.rmtree(self.work.folder)
            total = sum(file.stop - file.first for file in [*self._files, self._queries])
            raise UserError(
                f"{broken} of {total} texts: model {self.model} gives weights that are not finite; it is broken, copy "
                "it again from where it came from, or train it anew. No vectors were written"
            )
        return write_manifest(self.work.folder, facts, self.settings, self.how, self.digests)

    def _make(self, files: Sequence[_File], devices: Sequence[str], progress: Progress) -> dict[str, dict[str, Any]]:
        self.work.folder.mkdir(parents=True, exist_ok=True)
        taken = {file.name: self.work.take(file.name, self._expected(file)) for file in files}
        facts = {name: found for name, found in taken.items() if found is not None}
        missing = [file for file in files if file.name not in facts]
        if facts and missing:
            logger.info("%d of %d files are finished already", len(facts), len(files))
        total = sum(file.stop - file.first for file in files)
        done = total - sum(file.stop - file.first for file in missing)

        def advance(count: int) -> None:
            nonlocal done
            done += count
            progress(done, total, {})

        def load(device: str) -> Encoder:
            return Encoder.load(self.model, self.settings, device)

        def make(encoder: Encoder, file: _File) -> Callable[[], None]:
            """Encode a file; what is returned writes it, in the thread of the writer."""
            ids, tokens = self._texts(encoder, file)
            top_terms = self.settings.top_terms if file.is_corpus else self.settings.query_terms
            vectors, tally = encoder.encode(ids, tokens, advance, queries=not file.is_corpus, top_terms=top_terms)
            described = {**self._expected(file), "vocabulary": encoder.vocabulary, "tally": asdict(tally)}
            # the corpus is what takes room; queries keep every bit
            storage = self.settings.weights if file.is_corpus else "auto"

            def write() -> None:
                facts[file.name] = self.work.write(file.name, vectors, storage, described)

            return write

        run_on_devices(missing, devices, load, make)
        return facts

    def _texts(self, encoder: Encoder, file: _File) -> tuple[list[str], Any]:
        ids, texts = file.texts.read(file.first, file.stop)
        path = None
        if self._tokens is not None and file.texts.digest:
            laid_out = self.how.layout(queries=not file.is_corpus).key()
            key = [file.texts.digest, str(self.digests["tokenizer"]), *laid_out]
            folder = self._tokens / hashlib.sha256("\0".join(key).encode()).hexdigest()[:20]
            path = folder / f"{file.first}-{file.stop}.npz"
        tokens = cached_tokens(path, lambda: encoder.tokens(texts, queries=not file.is_corpus))
        return ids, tokens

    def _expected(self, file: _File) -> dict[str, Any]:
        """What the facts of a finished file must say."""
        parts = [self.digests["model"], self.digests["tokenizer"], file.texts.digest, self._code]
        decided = [self.settings.model_dump(), self.how.model_dump()]
        identity = hashlib.sha256(json.dumps([*parts, *decided]).encode()).hexdigest()
        return {
            "identity": identity if file.texts.digest else "",
            "model": self.digests["model"],
            "first": file.first,
            "texts": file.stop - file.first,
        }
