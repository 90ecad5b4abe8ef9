"""Where every stage's files live. The one place that spells these paths."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rescalade.runs import Run


@dataclass(frozen=True)
class Paths:
    """Folders of results and reports.

    results: made by the stages, can be deleted stage by stage. report: pages, tables and figures.
    """

    results: Path = Path("results")
    report: Path = Path("report")

    def source(self, name: str) -> Path:
        """What several data sets are taken from: pairs.parquet, manifest.json."""
        return self.results / "sources" / name

    def dataset(self, name: str) -> Path:
        """corpus.parquet, queries.parquet, qrels.parquet, manifest.json; triples.parquet beside them."""
        return self.results / "data" / name

    def backbone(self, name: str) -> Path:
        """A model folder."""
        return self.results / "backbones" / name

    def audit(self, recipe: str, name: str) -> Path:
        """Norms and activations of a backbone before any training, on the text and lengths of a recipe."""
        return self.results / "audit" / recipe / f"{name}.json"

    def rescaled(self, backbone: str, variant: str, recipe: str) -> Path:
        """A model folder with the divided head. A k that a rule chooses depends on the recipe, whose text it saw."""
        folder = self.results / "rescaled" / backbone
        return folder / recipe / variant if variant.startswith("kauto") else folder / variant

    def run(self, run: Run) -> Path:
        """Everything of one run."""
        return self.results / "runs" / run.folder

    def tokens(self, dataset: str) -> Path:
        """Token numbers of a data set by tokenizer and length: a cache, deletable."""
        return self.results / "tokens" / dataset

    def bm25(self) -> Path:
        """The BM25 baseline, laid out like a run."""
        return self.results / "bm25"

    @property
    def checkpoints(self) -> Path:
        """Unfinished work in folders named by a digest, outside every declared output."""
        return self.results / ".checkpoints"

    @property
    def hub(self) -> Path:
        """Which commit a moving revision on the hub was, so that later calls take the same."""
        return self.results / "hub"

    @property
    def configurations(self) -> Path:
        """Configurations as they stood when a graph was built, named by their digest."""
        return self.results / ".config"

    def tensorboard(self, run: str) -> Path:
        """A run's history for TensorBoard."""
        return self.results / "logs" / "tensorboard" / run

    def experiment(self, name: str) -> Path:
        """index.html, tables/, figures/."""
        return self.report / name


def encoding(run: Path, dataset: str) -> Path:
    """Shards and queries while they are encoded; becomes the folder of the vectors."""
    return run / "encoding" / dataset


def vectors(run: Path, dataset: str) -> Path:
    """Encoded corpus shards and queries of a run."""
    return run / "vectors" / dataset


def index(run: Path, dataset: str) -> Path:
    """Search index, derived from the vectors and deletable."""
    return run / "index" / dataset


def retrieved(run: Path, dataset: str) -> Path:
    """Ranked documents in TREC run format, gzipped."""
    return run / "retrieved" / f"{dataset}.trec.gz"


def scores(run: Path, dataset: str) -> Path:
    """Measures of a run on a data set; per-query values stand beside it."""
    return run / "scores" / f"{dataset}.json"
