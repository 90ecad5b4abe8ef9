"""Text made safe for LaTeX."""

from __future__ import annotations

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "_": r"\_",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "\N{NARROW NO-BREAK SPACE}": r"\,",
    "\N{EN DASH}": "--",
    "\N{MINUS SIGN}": "$-$",
    "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "\N{BLACK STAR}": r"$\star$",
    "\N{MULTIPLICATION X}": r"$\times$",
    "\N{CHECK MARK}": r"$\checkmark$",
    "\N{RIGHTWARDS ARROW}": r"$\to$",
    "\N{GREATER-THAN OR EQUAL TO}": r"$\geq$",
    "\N{LESS-THAN OR EQUAL TO}": r"$\leq$",
    "\N{GREEK SMALL LETTER LAMDA}": r"$\lambda$",
    "\N{GREEK CAPITAL LETTER DELTA}": r"$\Delta$",
    "\N{SUPERSCRIPT TWO}": r"$^2$",
}


def latex_text(text: str) -> str:
    """Every character that LaTeX reads as a command, escaped."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def command_safe(name: str) -> str:
    """A name usable as a label: letters, digits and hyphens."""
    return "".join(character if character.isalnum() else "-" for character in name)
