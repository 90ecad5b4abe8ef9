"""Options that a command has for another of its meanings."""

from __future__ import annotations

from collections.abc import Mapping

from rescalade.errors import UserError


def refuse_surplus(given: Mapping[str, bool], why: str) -> None:
    """Refuse options that would change nothing, which their user would take for obeyed.

    Args:
        given: whether each stands on the command line with another value than its default.
        why: what they belong to.

    Raises:
        UserError: some are given.
    """
    named = [option for option, is_given in given.items() if is_given]
    if named:
        raise UserError(f"{', '.join(named)} would change nothing here: {why}")
