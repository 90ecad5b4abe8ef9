"""An option that belongs to another meaning of a command is refused, before anything is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.commands import call


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("rescale some --k 4 --rule norm --out x", "--rule"),
        ("rescale some --k 4 --recipe mini --out x", "--recipe"),
        ("rescale bert-small --variant k4 --mode untied", "--mode"),
        ("rescale bert-small --variant k4 --no-bias --max-length 64", "--bias, --max-length"),
        ("audit some --recipe mini", "--recipe"),
        ("encode some --texts t.tsv --out v --shard 1", "--shard"),
        ("score mini/bert-small/k1/seed1 pydoc --measures AP", "--measures"),
        ("score bm25 pydoc --json", "--json"),
        ("search mini/bert-small/k1/seed1 pydoc --top 5", "--top"),
        ("search some q.tsv --index i --out run.trec --json --terms 3", "--terms, --json"),
    ],
)
def test_it_is_named(
    words: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("experiment: mini\n")
    (tmp_path / "q.tsv").write_text("q1\ta question\n")
    status, lines = call(capsys, *words.split())
    assert status == 2 and len(lines) == 1
    assert lines[0].startswith(f"rescalade: error: {option} would change nothing here: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.yaml", "q.tsv"]
