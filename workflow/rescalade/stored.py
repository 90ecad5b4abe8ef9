"""What a stage leaves for others as a JSON file: a frozen model with a schema version, read whole or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ValidationError

from rescalade.atomic import write_json
from rescalade.errors import UserError, let_refusals_through
from rescalade.strict import Strict


class OlderSchemaError(UserError):
    """The file was written by an older version, so that whatever asks for it will have to make it again."""


class Stored(Strict):
    """A file with exactly these keys.

    schema_version: of the file's form. A subclass whose keys or their meaning change gives it a higher default.
    again: what to do about a file that cannot be used.
    No key may be left out in the file: what can be unknown is null there, and what was not made has no file.
    """

    again: ClassVar[str] = "delete it and make it again"

    schema_version: int = 1

    def write(self, path: Path) -> None:
        """Write the file whole or not at all, keys sorted; numbers that are not finite as NaN and Infinity."""
        write_json(path, self.model_dump(warnings="error"))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises:
            UserError: it is missing or cannot be read, or a key is missing, unknown or of another type.
            OlderSchemaError: it is of an older schema version.
        """
        found = cls.read_or_none(path)
        if found is None:
            raise UserError(f"{path} is missing; run the stage that makes it first")
        return found

    @classmethod
    def read_or_none(cls, path: Path) -> Self | None:
        """Read the file; None where there is none.

        Raises:
            UserError, OlderSchemaError: as `read`.
        """
        try:
            text = path.read_text(encoding="utf-8")
            values = json.loads(text)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            let_refusals_through(error)
            raise UserError(f"{path} cannot be read ({error}); {cls.again}") from None
        if not isinstance(values, dict):
            raise UserError(f"{path}: expected a JSON object, found {type(values).__name__}; {cls.again}")
        values = cls.upgraded(values)
        cls._check_version(path, values.get("schema_version", 0))
        try:
            return cls.model_validate_json(json.dumps(values))
        except ValidationError as error:
            raise UserError(f"{path}: {_first(error)}; {cls.again}") from None

    @classmethod
    def upgraded(cls, values: dict[str, Any]) -> dict[str, Any]:
        """The keys of a file of an older schema under the present one, where its meaning needs no guess; else as is."""
        return values

    @classmethod
    def _check_version(cls, path: Path, found: Any) -> None:
        expected = cls.model_fields["schema_version"].default
        if not isinstance(found, int):
            raise UserError(f"{path}: schema_version: expected {expected}, found {found!r}; {cls.again}")
        if found < expected:
            raise OlderSchemaError(
                f"{path}: schema_version: expected {expected}, found {found or 'none'}: an older version of rescalade "
                f"wrote it; {cls.again}"
            )
        if found > expected:
            raise UserError(
                f"{path}: schema_version: expected {expected}, found {found}: a newer version of rescalade wrote it; "
                "install that one"
            )


def _first(error: ValidationError) -> str:
    """The first failure: the key, what was expected there and what was found."""
    first = error.errors(include_url=False)[0]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).removeprefix(".")
    more = "" if error.error_count() == 1 else f" (and {error.error_count() - 1} more)"
    if first["type"] == "missing":
        return f"{key}: expected this key, found none{more}"
    found = repr(first["input"])
    found = found if len(found) <= 60 else f"{found[:59]}…"
    if first["type"] == "extra_forbidden":
        return f"{key}: expected no such key, found {found}{more}"
    expected = first["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return f"{key}: expected {expected}, found {found}{more}"
