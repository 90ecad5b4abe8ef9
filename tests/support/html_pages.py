"""Pages made once, and parsed, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "link", "br", "hr", "img", "input", "path", "use", "rect", "line", "circle"}


@dataclass(frozen=True)
class Pages:
    """The index and the page of each backbone, and the lines of the log of their making."""

    paths: list[Path]
    logged: list[str]


class Structure(HTMLParser):
    """Open and closed elements, ids, links, text outside of style."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.tables: list[set[str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open += [] if tag in VOID else [tag]
        for key, value in attrs:
            self.ids += [value or ""] if key == "id" else []
            if key in ("src", "href", "srcset", "data", "action"):
                self.links.append((tag, key, value or ""))
        if tag == "table":
            self.tables.append(set())
        elif self.tables:
            self.tables[-1].add(tag + ("[scope]" if dict(attrs).get("scope") else ""))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def parse(path: Path) -> Structure:
    structure = Structure()
    structure.feed(path.read_text(encoding="utf-8"))
    structure.close()
    assert not structure.open, structure.open
    return structure
