"""Which keys are valid at a place of a configuration file, read off the models that check it."""

from __future__ import annotations

import types
import typing
from typing import Any

from pydantic import BaseModel

from rescalade.config.errors import Location
from rescalade.config.model import ConfigModel


def valid_keys(location: Location) -> list[str]:
    """Valid keys at a place of the file, for the nearest-name hint; of a union those of all its members."""
    here: list[Any] = [ConfigModel]
    for part in location:
        here = [inner for annotation in here for inner in _inside(annotation, part)]
    return list(dict.fromkeys(name for model in here if _is_model(model) for name in model.model_fields))


def _inside(annotation: Any, part: int | str) -> list[Any]:
    if _is_model(annotation):
        field = annotation.model_fields.get(str(part))
        return [] if field is None else _members(field.annotation)
    arguments = typing.get_args(annotation)  # of list[X] and dict[str, X]: a number or key leads to X
    return _members(arguments[-1]) if arguments else []


def _members(annotation: Any) -> list[Any]:
    """Members of a union, without None; the type itself where it is none."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _members(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return [member for argument in arguments for member in _members(argument) if argument is not type(None)]
    return [annotation]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
