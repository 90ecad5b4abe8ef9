"""Names of measures in a data set's entry. Checked here, so that what makes a collection knows nothing of measures."""

from __future__ import annotations

from rescalade.config.errors import Lines
from rescalade.errors import UserError
from rescalade.scoring.measures import Asked, measure


def check_measures(name: str, entry: Asked, lines: Lines) -> None:
    """Check the main measure of a data set and the further ones.

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
