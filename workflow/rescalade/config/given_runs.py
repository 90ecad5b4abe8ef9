"""Rankings and vectors that others have made, as an experiment names them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from rescalade.strict import Name, Strict


class GivenVectors(Strict):
    """Sparse vectors that others have written, of a data set."""

    documents: str = Field(
        min_length=1,
        description="A folder or file of JSON lines as Anserini reads them, {id, vector: {term: weight}}, plain or "
        "gzipped; or a .ciff file.",
    )
    queries: str = Field(
        min_length=1,
        description="JSON lines of the same form; or .tsv: an id, a tab and terms with blanks between, each counted as "
        "often as it stands.",
    )


class GivenRun(Strict):
    """What others have made: for each data set a TREC run file, or vectors to search."""

    title: str = Field("", description="Name shown in tables; the key where empty.")
    files: dict[Name, Annotated[str, Field(min_length=1)]] = Field(
        default={},
        description="By data set, a TREC run file: query, anything, document, rank, score, tag, separated by blanks or "
        "tabs, plain or gzipped. Documents are ordered by score, then rank, whatever the order of the lines.",
    )
    vectors: dict[Name, GivenVectors] = Field(
        default={}, description="By data set, vectors of its documents and queries, which are searched exactly."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> GivenRun:
        if not self.files and not self.vectors:
            raise ValueError("`files`, `vectors` or both are expected")
        if both := sorted(self.files.keys() & self.vectors.keys()):
            raise ValueError(f"{both[0]} has a file and vectors; give one of them")
        return self
