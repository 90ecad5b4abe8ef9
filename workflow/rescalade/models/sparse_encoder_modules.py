"""A model folder that sentence-transformers wrote: what its modules say of the vectors, or why they give none here.

    modules.json                       which modules, in which folders
    sentence_bert_config.json          of the language model (`rescalade.models.transformer_settings`)
    1_SpladePooling/config.json        pooling and activation
    config_sentence_transformers.json  prompts, and how many terms are kept
    router_config.json                 which modules read queries, and which documents

Two forms give term weights of a vocabulary: a language model with SpladePooling; and a router whose documents are read
so, while each token of a query has a weight of its own in a table (SparseStaticEmbedding), inference-free.
"""

from __future__ import annotations

import ast
import json
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast, get_args

from rescalade.errors import UserError
from rescalade.models.folder_files import check_files, own_json, own_value
from rescalade.models.model_files import MODULES, ROUTERS
from rescalade.models.model_folder import ModelFolder, tokenizer_limit
from rescalade.models.splade_config import Activation, Pooling, SpladeConfig
from rescalade.models.transformer_settings import FILES, read_transformer, settings_file, with_length

FILE = "config_sentence_transformers.json"
NO_LIMIT = 2**20
"""Tokens at which queries are cut by a tokenizer that does not cut."""

_TRANSFORMERS = ("Transformer", "MLMTransformer")
_REFUSED = {
    "SparseAutoEncoder": "a CSR model, whose dimensions are those of an autoencoder and no terms of a vocabulary",
    "LogitScore": "a cross-encoder, which scores pairs of texts and has no vector of one",
    "MultiVectorMask": "a multi-vector model, which has a vector of each token",
    "Pooling": "a dense model, which predicts no terms",
    "WordEmbeddings": "a dense model, which predicts no terms",
    "StaticEmbedding": "a dense model, which predicts no terms",
}
"""Modules that tell another kind of model."""
_TYPES = {
    "CrossEncoder": "a cross-encoder, which scores pairs of texts and has no vector of one",
    "MultiVectorEncoder": "a multi-vector model, which has a vector of each token",
}
"""By model_type of the configuration."""


@dataclass(frozen=True)
class _Module:
    """kind: its class with the package. folder: where its files are."""

    kind: str
    folder: Path

    @property
    def name(self) -> str:
        """Of its class."""
        return self.kind.rpartition(".")[2]


def read_modules(folder: Path) -> ModelFolder:
    """Read modules.json of a folder and what it leads to.

    Raises:
        UserError: the modules give no term weights, come with code of their own, or have a setting that is not known.
    """
    modules = _modules(folder)
    configuration = own_json(folder / FILE)
    if (other := _TYPES.get(str(configuration.get("model_type")))) is not None:
        raise _no_terms(folder, other)
    names = [module.name for module in modules]
    if len(names) == 1 and names[0] in _ROUTERS:
        queries, documents = _routes(folder, modules[0].folder)
    else:
        queries = documents = modules
    transformer, pooling = _splade(folder, documents)
    similarity = configuration.get("similarity_fn_name")
    if similarity not in (None, "dot"):
        raise UserError(
            f"{folder / FILE}: similarity_fn_name is {similarity!r}; documents are ranked by the dot product here, "
            "expected 'dot'"
        )
    table = None
    if queries != documents:
        table = _table(folder, queries)
    how = _how(folder, configuration, transformer, pooling, table)
    return ModelFolder(folder, transformer.folder, table, how, "modules")


def write_modules_like(origin: Path, folder: Path, max_length: int | None) -> None:
    """Write the small files of a model that was made of another by changing its weights: with all settings of that one.

    Args:
        origin: a folder that `read_modules` reads, without a router of two ways.
        folder: of the new model, which lies at its top with its tokenizer.
        max_length: tokens at which texts are cut instead.
    """
    modules = _modules(origin)
    if modules[0].name in _ROUTERS:
        modules, _ = _routes(origin, modules[0].folder)
    transformer, pooling = _splade(origin, modules)
    settings = own_json(settings_file(transformer.folder))
    if max_length is not None:
        settings = with_length(settings, max_length)
    listed = [
        {"idx": 0, "name": "0", "path": "", "type": transformer.kind},
        {"idx": 1, "name": "1", "path": _POOLING, "type": pooling.kind},
    ]
    (folder / _POOLING).mkdir(exist_ok=True)
    for name, source, value in (
        (MODULES, origin / MODULES, listed),
        (FILES[0], settings_file(transformer.folder), settings),
        (FILE, origin / FILE, {"model_type": "SparseEncoder", **own_json(origin / FILE)}),
        (f"{_POOLING}/config.json", pooling.folder / "config.json", own_json(pooling.folder / "config.json")),
    ):
        if own_value(source) == value:
            shutil.copyfile(source, folder / name)
        else:
            (folder / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


_ROUTERS = ("Router", "Asym")
_POOLING = "1_SpladePooling"


def _how(
    folder: Path, configuration: dict[str, Any], transformer: _Module, pooling: _Module, table: Path | None
) -> SpladeConfig:
    check_files(transformer.folder)
    said = read_transformer(transformer.folder, transformer.name)
    strategy, activation = _pooling(pooling.folder / "config.json")
    query_length = said.query_length
    if table is not None:
        check_files(table)
        query_length = tokenizer_limit(table) or NO_LIMIT
    prompts = _prompts(folder / FILE, configuration)
    causal = own_json(transformer.folder / "config.json").get("is_causal")
    return SpladeConfig(
        query_length=query_length,
        document_length=said.document_length,
        pool_special_tokens=True,
        precision="fp32",
        query_prompt=prompts["query"],
        document_prompt=prompts["document"],
        special_tokens=said.special_tokens,
        pool_prompt=True,
        reading="bidirectional" if causal is False and said.causal else "causal",
        echo_layout="contiguous",
        pooling=strategy,
        activation=activation,
        max_active_dims=_kept(folder / FILE, configuration.get("max_active_dims")),
        lower_case=said.lower_case,
        query_side="model" if table is None else "table",
    )


def _modules(folder: Path) -> list[_Module]:
    """The modules that a folder lists."""
    path = folder / MODULES
    listed = own_value(path)
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed) or not listed:
        raise UserError(f"{path}: expected a list of modules; copy it again from where the model came from")
    return [_module(folder, path, folder, each.get("path"), each.get("type")) for each in listed]


def _module(model: Path, listed_in: Path, folder: Path, path: Any, kind: Any) -> _Module:
    """A module below a folder, of a class of sentence-transformers."""
    if not isinstance(path, str) or not isinstance(kind, str):
        raise UserError(f"{listed_in}: expected path and type of every module, found {path!r} and {kind!r}")
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise UserError(f"{listed_in}: the module path {path!r} leads out of the folder; it is not followed")
    if not kind.startswith("sentence_transformers."):
        raise UserError(
            f"model {model}: its module {kind} is code of its own, which is never run here; use a model of "
            "sentence-transformers' own modules"
        )
    return _Module(kind, folder / path if path else folder)


def _routes(model: Path, folder: Path) -> tuple[list[_Module], list[_Module]]:
    """Modules of queries and of documents, by the order in which sentence-transformers looks for a route."""
    path = next((folder / name for name in ROUTERS if (folder / name).is_file()), folder / ROUTERS[0])
    said = own_json(path)
    types, structure, parameters = said.get("types"), said.get("structure"), said.get("parameters") or {}
    if not all(isinstance(part, dict) for part in (types, structure, parameters)) or not types or not structure:
        raise UserError(f"{path}: expected types, structure and parameters of a router")
    try:
        mappings = {ast.literal_eval(key): str(to) for key, to in (parameters.get("route_mappings") or {}).items()}
    except (AttributeError, SyntaxError, TypeError, ValueError, RecursionError):
        raise UserError(f"{path}: route_mappings {parameters['route_mappings']!r} cannot be read") from None
    modules = {name: _module(model, path, folder, name, kind) for name, kind in types.items()}

    def route(task: str) -> list[_Module]:
        keys = ((task, "text"), (task, None), (None, "text"), (None, None))
        name = next((mappings[key] for key in keys if key in mappings), task)
        if name not in structure:
            raise UserError(f"{path}: it has no route for {task!r}; found {', '.join(structure)}")
        if not isinstance(structure[name], list) or not all(str(each) in modules for each in structure[name]):
            raise UserError(f"{path}: the route {name!r} is {structure[name]!r}; expected names of its types")
        return [modules[str(each)] for each in structure[name]]

    return route("query"), route("document")


def _splade(folder: Path, modules: list[_Module]) -> tuple[_Module, _Module]:
    """The language model and the pooling."""
    names = [module.name for module in modules]
    if len(names) == 2 and names[0] in _TRANSFORMERS and names[1] == "SpladePooling":
        return modules[0], modules[1]
    for name, what in _REFUSED.items():
        if name in names:
            raise _no_terms(folder, what)
    raise UserError(
        f"model {folder}: its documents go through the modules {', '.join(names)}; expected Transformer, SpladePooling"
    )


def _table(folder: Path, modules: list[_Module]) -> Path:
    """The folder of a table of query weights."""
    names = [module.name for module in modules]
    if names != ["SparseStaticEmbedding"]:
        raise UserError(
            f"model {folder}: its queries go through other modules than its documents, {', '.join(names)}; expected "
            "the same ones, or SparseStaticEmbedding"
        )
    said = own_json(modules[0].folder / "config.json")
    if strange := sorted(set(said) - {"frozen"}):
        raise UserError(
            f"{modules[0].folder / 'config.json'}: the setting {strange[0]} is {said[strange[0]]!r}, which is not "
            "supported; save the model once with sentence-transformers, which writes the weights beside it"
        )
    return modules[0].folder


def _pooling(path: Path) -> tuple[Pooling, Activation]:
    if not path.is_file():
        # sentence-transformers would take its defaults without a word; it always writes the file, so this one got lost
        raise UserError(
            f"{path} is missing, and with it how the model pools; copy it again from where the model came from, or "
            "write {} into it for sentence-transformers' defaults, max and relu"
        )
    said = own_json(path)
    # its size is said by the head, and how much is pooled at once changes no weight
    known = {"pooling_strategy", "activation_function", "word_embedding_dimension", "embedding_dimension", "chunk_size"}
    if strange := sorted(set(said) - known):
        raise UserError(f"{path}: the setting {strange[0]} is {said[strange[0]]!r}, which is not supported")
    pooling, activation = said.get("pooling_strategy", "max"), said.get("activation_function", "relu")
    for key, value, expected in (
        ("pooling_strategy", pooling, get_args(Pooling)),
        ("activation_function", activation, get_args(Activation)),
    ):
        if value not in expected:
            raise UserError(f"{path}: {key} is {value!r}, which is not supported; expected {' or '.join(expected)}")
    return cast("Pooling", pooling), cast("Activation", activation)


def _prompts(path: Path, configuration: dict[str, Any]) -> dict[str, str]:
    """What is put before queries and documents by `encode_query` and `encode_document`.

    These ask for the prompts of their own names and for no default, whatever it is; a default that is no prompt is an
    error to sentence-transformers too.
    """
    said = configuration.get("prompts") or {}
    if not isinstance(said, dict) or not all(isinstance(prompt, str | None) for prompt in said.values()):
        raise UserError(f"{path}: it says no usable prompt: prompts is {said!r}; expected texts by name")
    default = configuration.get("default_prompt_name")
    if default is not None and str(default) not in {"query", "document", *said}:
        raise UserError(f"{path}: default_prompt_name is {default!r}, which is none of its prompts")
    return {side: said.get(side) or "" for side in ("query", "document")}


def _kept(path: Path, value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise UserError(f"{path}: max_active_dims is {value!r}; expected a number of terms above 0")
    return value


def _no_terms(folder: Path, what: str) -> UserError:
    return UserError(
        f"model {folder}: it is {what}. Use a SPLADE model, or a checkpoint saved with its language-model head"
    )
