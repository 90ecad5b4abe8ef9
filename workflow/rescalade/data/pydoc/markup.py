"""Inline markup out of docstrings: reStructuredText, Markdown and template placeholders become plain words."""

from __future__ import annotations

import re

# What every match must contain (a cheap test first: most paragraphs hold no markup), the pattern, the replacement.
# Order matters: a role is recognised by its backquotes, which later rules take away.
_RULES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (needed, re.compile(pattern, re.DOTALL), replacement)
    for needed, pattern, replacement in (
        ("{", r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", " "),  # Jinja
        ("%(", r"%\([\w:]+\)[a-z]?", " "),  # %(name)s, as matplotlib and SciPy fill it in
        ("${", r"\$\{[A-Za-z_]\w*\}", " "),  # ${name}
        ("{", r"(?<![\w\\^_}])\{[A-Za-z_]\w*\}", " "),  # {name}, but not the braces of LaTeX
        ("![", r"!\[[^\]]*\]\([^)]*\)", " "),  # picture in Markdown
        ("](", r"\[([^\[\]]+)\]\((?:https?:|\.|/|#)[^)\s]*\)", r"\1"),  # link in Markdown
        ("`\\", r"`\\(?=\w)", "`"),  # the s of `Tick`\s
        (":`", r"(?::[a-zA-Z][\w.+-]*)+:`[~!.]*([^`<]*?)\s*(?:<[^`]*>)?`", r"\1"),  # role, with or without a target
        (">`", r"`([^`<]+?)\s*<[^`>]*>`_{0,2}", r"\1"),  # link with text
        ("://", r"<?https?://[^\s>\])]+>?", " "),
        ("[", r"\[\s*`[~!.]*([^`]+)`\s*\]", r"\1"),  # cross-reference as Hugging Face writes it
        ("]_", r"\[#?[\w.+-]*\]_(?!\w)", " "),  # citation, footnote
        ("``", r"``(.+?)``", r"\1"),
        ("`", r"`[~!.]*([^`]+)`_{0,2}", r"\1"),
        ("**", r"(?<![\w*])\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*(?![\w*])", r"\1"),
        ("*", r"(?<![\w*])\*(?=[^\s*])([^*\n]+?)(?<=[^\s,(])\*(?![\w*])", r"\1"),
        ("<", r"</?(?:Tip|hfoptions?|b|i|p|br|em|strong|code|pre|a|img|div|span|ul|ol|li|u)\b[^<>]*>", " "),
        ("\\ ", r"\\ ", " "),
    )
)
# Backspaces out of "\beta" in a docstring that is not raw, and halves of characters that no file can hold.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x9f\u200b\ufeff\ud800-\udfff]")
_SPACE_BEFORE_STOP = re.compile(r" ([.,;:](?: |$))")


def plain(text: str) -> str:
    """The text without markup, its white space reduced to single blanks."""
    for needed, pattern, replacement in _RULES:
        if needed in text:
            text = pattern.sub(replacement, text)
    single = " ".join(text.split())
    if not single.isprintable():
        text = _UNPRINTABLE.sub(" ", text)
        single = " ".join(text.split())
    if text[:1].isspace():  # a stop after the blanks that begin a text has one before it, too
        single = f" {single}"
    return _SPACE_BEFORE_STOP.sub(r"\1", single).strip()
