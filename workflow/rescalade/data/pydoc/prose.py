"""The lines of a docstring that are prose: no code, doctest sessions, underlines or directives."""

from __future__ import annotations

import re
from collections.abc import Iterator

_FENCE = re.compile(r"^\s*(```|~~~)")
_PROMPT = re.compile(r"^\s*(>>>|In \[\d+\]:|\$ )")
_DIRECTIVE = re.compile(r"^\s*\.\. +([\w:.-]+?):: ?(.*)$")
_TARGET = re.compile(r"^\s*\.\. +(_[^:]*:|\|)")
_CITATION = re.compile(r"^(\s*)\.\. +\[[^\]]*\] *")
_RULE = re.compile(r"^\s*([=\-~^\"'*+#`.:_|] *)\1{2,}[=\-+| ]*\s*$")
_ADMONITION = re.compile(r"^(\s*)> ?(?:\[![A-Z]+\])?")
# Directives whose indented body is code, a picture, or speaks of the history of the software.
_CODE = re.compile(
    r"code|code-block|sourcecode|ipython|ipython3|doctest|testcode|testsetup|testoutput|testcleanup|plot|"
    r"plot-pyvista|image|figure|jupyter-execute|index|currentmodule|module|autosummary|toctree|"
    r"versionadded|versionchanged|versionremoved|deprecated|include|literalinclude|only|minigallery|raw|"
    r"parsed-literal"
)


def prose_lines(text: str) -> Iterator[str]:
    """Lines without code, underlines and directives; an empty line wherever something was taken out."""
    fenced = False
    in_session = False
    body_of: int | None = None  # indentation of the line whose deeper lines are being dropped
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
            yield ""
            continue
        if fenced:
            continue
        if not line.strip():
            in_session = False
            yield ""
            continue
        text = line.lstrip()
        indent = len(line) - len(text)
        if body_of is not None:
            if indent > body_of:
                continue
            body_of = None
        if in_session or _PROMPT.match(line):
            in_session = True
            yield ""
            continue
        # most lines begin with a letter, and none of what follows does
        if text[0].isalpha():
            marked = text.rstrip().endswith("::")
            body_of = indent if marked else None  # a literal block follows
            yield line.rstrip()[:-1] if marked else line
            continue
        if _RULE.match(line) or _TARGET.match(line):
            yield ""
            continue
        directive = _DIRECTIVE.match(line)
        if directive is not None:
            if _CODE.fullmatch(directive[1].lower()):
                body_of = indent
                yield ""
            else:
                yield ""
                yield " " * indent + directive[2]
            continue
        line = _ADMONITION.sub(r"\1", _CITATION.sub(r"\1", line))
        if line.rstrip().endswith("::"):
            body_of = indent  # a literal block follows
            line = line.rstrip()[:-1]
        yield line
