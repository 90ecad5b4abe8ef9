"""Why a job is to be run, in words, from Snakemake's reason."""

from __future__ import annotations

import re

PARAMETERS = "Params have changed"
CAUSES = (
    ("Forced execution", "forced"),
    ("Incomplete output files", "was cut off"),
    ("Code has changed", "code changed"),
    (PARAMETERS, "settings changed"),
    ("Set of input files has changed", "other inputs"),
    ("Software environment definition has changed", "environment changed"),
    ("Updated input files", "input changed"),
    ("Missing output files", "new"),
    ("Input files updated by another job", "after a stage above"),
)
"""How a part of Snakemake's reason begins, and the word for it: the first that applies, causes before effects."""
VALUES = (
    ("settings", re.compile(r"'\{")),
    ("code", re.compile(r"'[0-9a-f]{16}'")),
    ("your files", re.compile(r"'files: ")),
)
"""How values of the parameters that decide a rerun look: the settings of a job, in JSON, the digest of its code, and
digests of the files of the user that it takes."""
FILES_SHOWN = 2
OTHER = "always"


def why(reason: str) -> str:
    """The cause in a word or two."""
    for begin, word in CAUSES:
        if reason.startswith(begin) or f"; {begin}" in reason:
            return _parameters(reason) or word if begin == PARAMETERS else word
    return OTHER


def _parameters(reason: str) -> str | None:
    """Which of a rule's parameters changed; None where their values do not tell."""
    changed = [word for word, value in VALUES if value.search(reason)]
    return f"{' and '.join(changed)} changed" if changed else None


def files(reason: str) -> str:
    """Files of the cause: the first two and how many more; nothing where it names none."""
    begin = next((begin for begin, _ in CAUSES if re.search(rf"(?:^|; ){begin}", reason)), None)
    found = None if begin is None else re.search(rf"(?:^|; ){begin}: ([^;]*)", reason)
    if found is None or begin == PARAMETERS:
        return ""
    named = sorted(found[1].split(", "))
    more = f" and {len(named) - FILES_SHOWN} more" if len(named) > FILES_SHOWN else ""
    return ", ".join(named[:FILES_SHOWN]) + more
