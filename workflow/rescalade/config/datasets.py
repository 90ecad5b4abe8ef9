"""Reads each data set's entry as the kind of its source has it, and checks its measures and what it shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from rescalade.config.errors import Lines
from rescalade.data.dataset_config import DatasetConfig
from rescalade.data.kinds import DATASETS
from rescalade.data.source_config import SourceConfig
from rescalade.errors import UserError, nearest
from rescalade.scoring.measures import Asked, measure


def entries_of(values: Any, sources: Mapping[str, SourceConfig]) -> Any:
    """Each entry as an object of the class that belongs to its source's kind; what is no mapping is left to pydantic.

    Raises:
        ValidationError: entries name an unknown source, or have keys that are missing, wrong or of another kind.
    """
    if not isinstance(values, Mapping):
        return values
    found, wrong = {}, list[InitErrorDetails]()
    for name, entry in values.items():
        try:
            found[name] = _entry(entry, sources)
        except ValidationError as error:
            wrong += [_below(str(name), dict(line)) for line in error.errors(include_url=False)]
        except PydanticCustomError as error:
            place = (str(name), str((error.context or {})["key"]))
            wrong.append(InitErrorDetails(type=error, loc=place, input=entry))
    if wrong:
        raise ValidationError.from_exception_data("datasets", wrong)
    return found


def _entry(entry: Any, sources: Mapping[str, SourceConfig]) -> DatasetConfig:
    name = entry.get("source") if isinstance(entry, Mapping) else None
    if not isinstance(name, str):
        return DatasetConfig.model_validate({"source": name} if isinstance(entry, Mapping) and name else entry)
    if name not in sources:
        raise _custom("source", f"unknown source {name!r}; {nearest(name, sources)}")
    kind = sources[name].kind
    model = DATASETS[kind]
    common = DatasetConfig.model_fields
    given = {key: value for key, value in entry.items() if value is not None or key in common}
    for key, field in model.model_fields.items():
        if field.is_required() and given.get(key) in (None, []):
            raise _custom(key, f"required for a source of kind {kind}")
    for key in given:
        if key not in model.model_fields and any(key in other.model_fields for other in DATASETS.values()):
            raise _custom(key, f"has no meaning for a source of kind {kind}; remove it")
    found = model.model_validate(given)
    mistake = found.mistake(sources[name])
    if mistake is not None:
        raise _custom(*mistake)
    return found


def _custom(key: str, message: str) -> PydanticCustomError:
    return PydanticCustomError("whole_message", "{message}", {"key": key, "message": message})


def _below(name: str, line: dict[str, Any]) -> InitErrorDetails:
    """One line of a validation's errors, for what stands under a name."""
    return InitErrorDetails(type=line["type"], loc=(name, *line["loc"]), input=line["input"], ctx=line.get("ctx", {}))


def check_corpus(name: str, datasets: Mapping[str, DatasetConfig], lines: Lines) -> None:
    """Check the data set whose documents another one has.

    Raises:
        UserError: it does not exist, has no documents of its own, or other documents.
    """
    entry = datasets[name]
    if entry.corpus is None:
        return
    place = f"{lines.place(('datasets', name, 'corpus'))}datasets.{name}.corpus"
    if entry.corpus not in datasets:
        raise UserError(f"{place}: unknown data set {entry.corpus!r}; {nearest(entry.corpus, datasets)}")
    if entry.corpus == name or datasets[entry.corpus].corpus is not None:
        raise UserError(f"{place}: name a data set that has documents of its own")
    if datasets[entry.corpus].titles != entry.titles:
        raise UserError(f"{place}: {entry.corpus} has another rule for titles; documents must be the same")


def check_measures(name: str, entry: Asked, lines: Lines) -> None:
    """Check the main measure of a data set and the further ones; what makes a collection knows nothing of measures.

    Raises:
        UserError: there is no such measure, or it looks further down than the data set is searched, so that its value
            would be that of another measure.
    """
    keys: list[tuple[str | int, ...]] = [("metric",), *(("measures", number) for number in range(len(entry.measures)))]
    for key, text in zip(keys, (entry.metric, *entry.measures), strict=True):
        place = f"{lines.place(('datasets', name, *key))}datasets.{name}.{key[0]}"
        try:
            cut = measure(text).cut
        except ValueError as error:
            raise UserError(f"{place}: {error}") from None
        if cut is not None and cut > entry.depth:
            raise UserError(
                f"{place}: {text} looks at {cut} documents of a query, `depth` says {entry.depth}; make it "
                "larger, or ask for a measure that looks at fewer"
            )
