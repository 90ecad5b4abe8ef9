"""The JSON schema for editors and the reference page, both made from the models."""

from __future__ import annotations

import json
import types
import typing
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rescalade.config.model import ConfigModel
from rescalade.data.dataset_config import DatasetConfig

HEADER = """# Configuration

Every key of `config.yaml`, which goes over the catalogue that comes with the package (`workflow/rescalade/catalogue`)
key by key, as a second file given by `--configfile` goes over `config.yaml`. Naming an entry of the catalogue with
other contents is said in one line at the start; one of another kind (a backbone with another `source`, a data set whose
source is of another kind) needs a name of its own. `rescalade list datasets` shows what there is (backbones, recipes,
experiments and sources likewise), `rescalade config recipes.mini.train` what holds, with file and line of every value;
both take `--json`.

Unknown keys, keys that stand twice, wrong types and names that refer to nothing are refused with the place in the file.
Settings of training are layered: the recipe's, over them the experiment's `train`, over these the backbone's `train`.
Numbers such as `3e-5` are text to YAML: write `3.0e-5`.

This page is made by `rescalade docs` from the models in `workflow/rescalade/config/model.py`.
"""


def schema() -> str:
    """JSON schema of the file; editors that know the YAML language server use it to complete and check.

    No key is required in it: the rest of an entry may stand in the catalogue.
    """
    found = ConfigModel.model_json_schema()
    for model in [found, *found["$defs"].values()]:
        model.pop("required", None)
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


def reference_page() -> str:
    """Markdown page with a table per model."""
    parts = [HEADER, _section("The file", ConfigModel)]
    parts += [_section(model.__name__, model) for model in models(ConfigModel)]
    return "\n".join(parts)


def models(model: type[BaseModel]) -> list[type[BaseModel]]:
    """Models used inside a model, each once, in order of first use; partial layers are left out.

    What all kinds of data sets have in common stands before the first of them.
    """
    found: list[type[BaseModel]] = []
    for field in model.model_fields.values():
        for inner in _models_in(field.annotation):
            if inner.__name__.endswith("Overrides"):
                continue
            common = (DatasetConfig,) if issubclass(inner, DatasetConfig) else ()
            for candidate in (*common, inner, *models(inner)):
                if candidate not in found:
                    found.append(candidate)
    return found


def _section(title: str, model: type[BaseModel]) -> str:
    lines = [f"## {title}", "", (model.__doc__ or "").strip().split("\n\n")[0], ""]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    common = DatasetConfig.model_fields if issubclass(model, DatasetConfig) and model is not DatasetConfig else {}
    for name, field in model.model_fields.items():
        if name in common:
            continue
        meaning = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{name}` | {_type(field.annotation)} | {_default(field)} | {meaning} |")
    return "\n".join([*lines, ""])


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is PydanticUndefined:
        return "its own defaults"
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"`{json.dumps(value)}`"


def _type(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _type(arguments[0])
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_type(a) for a in arguments if a is not type(None))
    if origin is typing.Literal:
        return ", ".join(f"`{a}`" for a in arguments)
    if origin is list:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"{_type(arguments[1])} by name"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return {"str": "text", "int": "integer", "float": "number", "bool": "true or false"}.get(
        getattr(annotation, "__name__", ""), str(annotation)
    )


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in typing.get_args(annotation) for model in _models_in(argument)]
