"""What the operating system refuses or hands on unread, each with what a user can do about it."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rescalade.errors import UserError

PIPELINE = ("ir_datasets", "jinja2", "matplotlib", "snakemake", "statsmodels")
"""What the extra `pipeline` brings and a module imports, by the names of these imports."""
ELSEWHERE = "choose another folder by --results, --report or --out"
FULL = f"free space, or {ELSEWHERE}"
CLOSED = f"this user may not do that there: change its permissions, or {ELSEWHERE}"
OTHER_KIND = f"a file stands where a folder is needed, or a folder where a file is: move it, or {ELSEWHERE}"
REMEDIES: Mapping[str, str] = {
    "ENOSPC": FULL,
    "EDQUOT": FULL,
    "EFBIG": f"the file system or `ulimit -f` takes no file of that size: {ELSEWHERE}",
    "EACCES": CLOSED,
    "EPERM": CLOSED,
    "EROFS": f"nothing can be written there: {ELSEWHERE}",
    "ENOTDIR": OTHER_KIND,
    "EISDIR": OTHER_KIND,
    "EEXIST": OTHER_KIND,
    "ENOTEMPTY": f"a folder with something in it stands there: move it, or {ELSEWHERE}",
    "ENAMETOOLONG": "use shorter names",
    "ELOOP": "a symbolic link there leads back to itself: mend it",
    "EMFILE": "raise the limit with `ulimit -n`",
    "ENFILE": "too many files are open on this machine: end what has them open",
    "ENOMEM": "use fewer --threads, or a machine with more memory",
    "EIO": "the disk or the network file system fails: try again, and see its log",
    "ESTALE": "the network file system was mounted anew: run the same command again",
}
"""By the name of the error number."""
CACHES = (
    ("IR_DATASETS_HOME", ".ir_datasets"),
    ("HF_HOME", ".cache/huggingface"),
    ("TRITON_CACHE_DIR", ".triton"),
    ("XDG_CACHE_HOME", ".cache"),
)
"""Variables that move a cache, and where in the home folder it lies by default; the narrower first."""


def disk_failure(error: OSError) -> str | None:
    """The failure and its remedy in one line; None where nothing is known that a user could do.

    A folder for caches is moved by a variable of the environment and not by an option.
    """
    if error.errno == errno.ENOENT and "temporary directory" in str(error.strerror):  # Python's tempfile
        return f"{error.strerror}; set TMPDIR to a folder that can be written"
    name = errno.errorcode.get(error.errno or 0, "")
    if name not in REMEDIES:
        return None
    place, reason = _place(error), os.strerror(error.errno or 0)
    remedy = REMEDIES[name]
    if name in ("ENOSPC", "EDQUOT", "EACCES", "EPERM", "EROFS", "ENOTDIR") and place is not None:
        variable = _variable(Path(place).absolute())
        remedy = remedy if variable is None else f"set {variable} to a folder that can be written and has room"
    return f"{place or 'output'}: {reason}; {remedy}"


def home_failure(error: RuntimeError, arguments: Sequence[str]) -> str | None:
    """A path that begins with ~ and a name of nobody, in one line; None for any other error."""
    if "home directory" not in str(error):  # pathlib's
        return None
    strange = [text for text in arguments if text.startswith("~") and os.path.expanduser(text) == text]  # noqa: PTH111
    named = strange[0] if strange else "a path of the configuration that begins with ~"
    return f"{named}: there is no home folder of that name; write the path out"


def missing_package(error: ModuleNotFoundError) -> str | None:
    """A package of the extra `pipeline` that is not installed, in one line; None for any other module."""
    package = (error.name or "").partition(".")[0]
    return needed(package) if package in PIPELINE else None


def needed(package: str) -> str:
    """The line for a package of the extra `pipeline` that is not installed."""
    return f"this needs the package {package}, which is not installed; pip install 'rescalade[pipeline]'"


def _place(error: OSError) -> str | None:
    """The file, of two the one that was to be made; pyarrow names it in its message alone."""
    found = error.filename2 or error.filename
    if found is not None:
        return os.fsdecode(found)
    named = re.search(r"'(.+?)'", str(error.strerror))
    return None if named is None else named[1]


def _variable(path: Path) -> str | None:
    """The variable that says where the cache lies to which a path belongs; HOME for a hidden folder that none moves."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  # pathlib's raises where there is no home
    for name, usual in CACHES:
        if path.is_relative_to(Path(os.environ.get(name) or home / usual)):
            return name
    inside = path.relative_to(home).parts if path.is_relative_to(home) and home != Path("/") else ()
    return "HOME" if inside and inside[0].startswith(".") else None


def check_text(arguments: Sequence[str]) -> None:
    """Refuse arguments that Python could not read as text: tokenizers and file formats take no such characters.

    Raises:
        UserError: an argument holds bytes that are not UTF-8, or that the locale's encoding has no letters for.
    """
    for argument in arguments:
        try:
            argument.encode("utf-8")
        except UnicodeEncodeError:
            shown = repr(os.fsencode(argument))[1:]
            try:
                os.fsencode(argument).decode("utf-8")
            except UnicodeDecodeError:
                raise UserError(
                    f"argument {shown}: its bytes are not UTF-8; write it in UTF-8, or give the file another name"
                ) from None
            raise UserError(
                f"argument {shown}: the locale's encoding, {sys.getfilesystemencoding()}, cannot read it; "
                "set LC_ALL=C.UTF-8"
            ) from None
