"""What a source of docstrings leaves for its data sets: pairs of a query and a document, and a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from rescalade.stored import Stored
from rescalade.strict import Strict

PAIRS = "pairs.parquet"


@dataclass(frozen=True)
class Pair:
    """The summary of one function or class, and the rest of its documentation.

    Attributes:
        id: `package/rest.of.the.name`, unique in the collection, without white space.
        package: Top-level import name, or `stdlib` for the standard library.
        name: Fully qualified name, such as `torch.nn.functional.relu`.
        query: The one-line summary.
        document: The rest of the documentation, one line of text that does not contain the query.
        position: Number in [0, 1) that depends on `name` alone. A split takes a range of it, such as
            `position < 0.1` for the test queries, so that it does not move when other packages are added.
    """

    id: str
    package: str
    name: str
    query: str
    document: str
    position: float


class PackageCounts(Strict):
    """What was read, kept and dropped of one package.

    Attributes:
        version: Installed version of the distribution, of Python for `stdlib`, `unknown` without metadata.
        files_read: Python files whose docstrings were read, or that can hold none.
        files_skipped: Files that are not valid Python in a known encoding.
        docstrings: Docstrings of public functions, methods and classes.
        dropped: Number dropped for each reason, the reasons in alphabetic order. Each docstring is counted under the
            first reason that applies, so `docstrings == kept + sum(dropped.values())`.
        kept: Pairs in the collection.
    """

    version: str
    files_read: int
    files_skipped: int
    docstrings: int
    dropped: Mapping[str, int]
    kept: int


class PydocManifest(Stored):
    """`sources/SOURCE/manifest.json`. packages: by name. sha256: of the file of pairs, by its name."""

    again: ClassVar[str] = "delete its folder and make the source again"

    kind: Literal["pydoc"]
    pairs: int
    packages: Mapping[str, PackageCounts]
    sha256: Mapping[str, str]
