"""The whole collection: from names of packages to pairs and counts."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib import metadata

from rescalade.data.pydoc.cleaning import summary_and_rest
from rescalade.data.pydoc.docstrings import Docstring, read_docstrings
from rescalade.data.pydoc.duplicates import near_duplicates
from rescalade.data.pydoc.filters import drop_reason
from rescalade.data.pydoc.package_files import STDLIB, Package, find_package, source_files
from rescalade.data.pydoc.pair_file import PackageCounts, Pair
from rescalade.data.pydoc.words import has_words, split_position, without_query, words

logger = logging.getLogger(__name__)


def extract(
    packages: Sequence[str], *, near_duplicate: float = 0.7, min_document_words: int = 20, processes: int = 1
) -> tuple[list[Pair], dict[str, PackageCounts]]:
    """Build the collection from the documentation of installed packages.

    Give all packages of an experiment in one call: duplicates are removed across packages (pandas inherits text from
    NumPy, for example), so that no pair is on both sides of any split by package or by `Pair.position`. Of two
    duplicates the one whose id comes first stays.

    Args:
        packages: Top-level import names, and `stdlib` for the standard library. Order and repetition do not matter.
        near_duplicate: Jaccard coefficient of five-word shingles from which two documents count as the same, in (0, 1].
        min_document_words: Shortest document that is kept, in words.
        processes: Packages that are read at the same time; the result does not depend on it.

    Returns:
        Pairs in the order of their id; what was read, kept and dropped, by name of the package in alphabetic order.

    Raises:
        UserError: A package is not installed or has no Python source.
    """
    distributions = metadata.packages_distributions()
    located = [find_package(name, distributions) for name in sorted(set(packages))]
    read = _read_all(located, min_document_words, processes)
    tally = {package.name: counted for package, (_, counted) in zip(located, read, strict=True)}
    pairs = [pair for found, _ in read for pair in found]
    pairs.sort(key=lambda pair: pair.id)
    pairs = _unique(pairs, tally)
    marks = near_duplicates([pair.document for pair in pairs], near_duplicate)
    for pair, marked in zip(pairs, marks, strict=True):
        if marked:
            tally[pair.package].dropped["near-duplicate document"] += 1
    pairs = [pair for pair, marked in zip(pairs, marks, strict=True) if not marked]
    kept = Counter(pair.package for pair in pairs)
    counts = {package.name: tally[package.name].counts(package.version, kept[package.name]) for package in located}
    logger.info("pydoc: %d pairs from %d packages", len(pairs), len(located))
    return pairs, counts


@dataclass
class _Tally:
    """Counts of one package while it is being read."""

    files_read: int = 0
    files_skipped: int = 0
    docstrings: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def counts(self, version: str, kept: int) -> PackageCounts:
        counted = {**vars(self), "dropped": dict(sorted(self.dropped.items()))}
        return PackageCounts(version=version, kept=kept, **counted)


def _read_all(packages: Sequence[Package], min_document_words: int, processes: int) -> list[tuple[list[Pair], _Tally]]:
    """Usable pairs and counts of each package, in the order of the packages."""
    if processes == 1:
        return [_read(package, min_document_words) for package in packages]
    # The packages with most source first, so that no process is left alone with a large one at the end.
    sizes = [sum(path.stat().st_size for _, path in source_files(package)) for package in packages]
    order = sorted(range(len(packages)), key=lambda number: -sizes[number])
    with ProcessPoolExecutor(processes) as pool:
        results = pool.map(_read, [packages[n] for n in order], [min_document_words] * len(order))
        found = dict(zip(order, results, strict=True))
    return [found[number] for number in range(len(packages))]


def _read(package: Package, min_document_words: int) -> tuple[list[Pair], _Tally]:
    tally = _Tally()
    return list(_usable(package, tally, min_document_words)), tally


def _docstrings(package: Package, tally: _Tally) -> Iterator[Docstring]:
    for module, path in source_files(package):
        found = read_docstrings(path.read_bytes(), module)
        if found is None:
            tally.files_skipped += 1
            logger.info("pydoc: %s is not valid Python in a known encoding, skipped", path)
            continue
        tally.files_read += 1
        tally.docstrings += len(found)
        yield from found


def _usable(package: Package, tally: _Tally, min_document_words: int) -> Iterator[Pair]:
    """Pairs that are good each for itself, the first for each qualified name."""
    seen: set[str] = set()
    judged: dict[str, tuple[str, str, str | None]] = {}
    for docstring in _docstrings(package, tally):
        # Model families copy whole docstrings, and cleaning is the costly part after parsing.
        if docstring.text not in judged:
            judged[docstring.text] = _judge(docstring.text, min_document_words)
        query, document, reason = judged[docstring.text]
        if reason is None and docstring.name in seen:
            reason = "name defined twice"
        if reason is not None:
            tally.dropped[reason] += 1
            continue
        seen.add(docstring.name)
        rest = docstring.name if package.name == STDLIB else docstring.name.removeprefix(f"{package.name}.")
        yield Pair(
            f"{package.name}/{rest}", package.name, docstring.name, query, document, split_position(docstring.name)
        )


def _judge(docstring: str, min_document_words: int) -> tuple[str, str, str | None]:
    """Query, document and the reason to drop them, which is None for a usable pair."""
    # Cleaning only takes words away, so most of the short ones need none.
    if not has_words(docstring, min_document_words):
        return "", "", "document too short"
    query, sentences = summary_and_rest(docstring)
    whole = " ".join(sentences)
    reason = drop_reason(query, whole, min_document_words)
    if reason is not None:
        return query, "", reason
    document = without_query(query, sentences)
    if document is None:
        return query, "", "query in document"
    return query, document, None if document == whole else drop_reason(query, document, min_document_words)


def _unique(pairs: Sequence[Pair], tally: dict[str, _Tally]) -> list[Pair]:
    """Leave out pairs whose query or document an earlier pair has, but for case and punctuation."""
    queries: set[tuple[str, ...]] = set()
    documents: set[tuple[str, ...]] = set()
    kept = []
    for pair in pairs:
        query, document = tuple(words(pair.query)), tuple(words(pair.document))
        if query in queries:
            tally[pair.package].dropped["repeated query"] += 1
        elif document in documents:
            tally[pair.package].dropped["repeated document"] += 1
        else:
            queries.add(query)
            documents.add(document)
            kept.append(pair)
    return kept
