"""Which ids a run file can hold: its columns are separated by blanks, and trec_eval ends an id at a NUL."""

from __future__ import annotations

import re

_UNFIT = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def unfit(identity: str) -> str | None:
    """What about an id no run file can hold, in words; None for an id that fits.

    White space of any kind and control characters do not fit, nor does half of a surrogate pair or an empty id.
    """
    if not identity:
        return "is empty"
    found = _UNFIT.search(identity)
    if found is None:
        return None
    half = "half of a surrogate pair" if "\ud800" <= found[0] <= "\udfff" else "a control character"
    what = "white space" if found[0].isspace() else half
    return f"holds {what} (U+{ord(found[0]):04X}), which a run file cannot"
