"""The page on the library: its examples give what they show."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

from support.sparse_encoders import checkpoint

PAGE = Path(__file__).resolve().parents[2] / "docs" / "library.md"


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_the_examples_of_the_page_give_what_they_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one session, block after block, as a reader types them."""
    checkpoint(tmp_path / "my-bert")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```pycon\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    example = doctest.DocTestParser().get_doctest("".join(blocks), {}, PAGE.name, str(PAGE), 0)
    said: list[str] = []
    runner.run(example, out=said.append)
    assert runner.summarize(verbose=False).attempted == len(example.examples) > 10
    assert not said, "".join(said)
