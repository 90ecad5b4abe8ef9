"""The one exception for mistakes that a user can mend, and the hint at a name that was meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class UserError(Exception):
    """A mistake of the user's or of the machine's that the message explains.

    The message names the thing, what was expected, what was found and what to do. The command line
    prints it as one line and exits with status 2, never with a traceback.
    """


def shown_path(path: Path) -> str:
    """A path of the user's for a message: of a relative one also from where it counts."""
    return str(path) if path.is_absolute() else f"{path} (counted from the working directory, {Path.cwd()})"


def let_refusals_through(error: BaseException) -> None:
    """Raise again what the operating system refused: a permission, a disk that fails, too many open files.

    For whoever takes any failure of reading for a damaged file: the file may be whole then, and to delete it would be
    the wrong remedy. The command line knows the right one.

    Raises:
        OSError: the error itself, where it has a number of the system's and is not about what stands there, nothing or
            a folder.
    """
    about_the_file = isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError)
    if isinstance(error, OSError) and error.errno is not None and not about_the_file:
        raise error


def nearest(name: str, valid: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the closest valid name, else a list of what there is."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(names)}" if names else "there are none"


def unknown(what: str, name: str, valid: Iterable[str], place: str = "") -> UserError:
    """The error for a name that refers to nothing."""
    return UserError(f"{place}unknown {what} {name!r}; {nearest(name, valid)}")
