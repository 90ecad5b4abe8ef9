"""How answers look: a table in a terminal, plain lines elsewhere, JSON on demand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rescalade.retrieval.answer import Answer, Matched


def as_json(text: str, terms: dict[str, float], found: Sequence[Answer]) -> str:
    """Question, its terms and the answers as JSON, for programs."""
    documents = [asdict(answer) for answer in found]
    return json.dumps({"query": text, "terms": terms, "documents": documents}, ensure_ascii=False, indent=1)


def as_text(terms: dict[str, float], found: Sequence[Answer], shown: int) -> str:
    """Answers as lines without colour or frames."""
    lines = ["query: " + _weights(terms, shown)]
    for answer in found:
        lines.append(f"{answer.rank}. {answer.id}  {answer.score:.4f}")
        lines.append("   " + _why(answer.matched, shown))
        if answer.snippet:
            lines.append("   " + answer.snippet)
    if not found:
        lines.append("no document has a term of the query")
    return "\n".join(lines)


def print_table(terms: dict[str, float], found: Sequence[Answer], shown: int) -> None:
    """Answers as a table for a terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(highlight=False)
    console.print("[bold]query[/bold] " + escape(_weights(terms, shown)))
    table = Table(show_lines=True)
    table.add_column("", justify="right")
    table.add_column("document", overflow="fold")
    table.add_column("score", justify="right")
    table.add_column("matching terms: query × document = product", overflow="fold")
    for answer in found:
        text = f"[bold]{escape(answer.id)}[/bold]" + (f"\n{escape(answer.snippet)}" if answer.snippet else "")
        table.add_row(str(answer.rank), text, f"{answer.score:.4f}", escape(_why(answer.matched, shown, "\n")))
    console.print(table if found else "no document has a term of the query")


def _weights(terms: dict[str, float], shown: int) -> str:
    first = [f"{term} {weight:.2f}" for term, weight in list(terms.items())[:shown]]
    return ", ".join(first) + _more(len(terms) - shown)


def _why(matched: Sequence[Matched], shown: int, between: str = ", ") -> str:
    first = [f"{m.term} {m.query:.2f}×{m.document:.2f}={m.product:.2f}" for m in matched[:shown]]
    return between.join(first) + _more(len(matched) - shown)


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
