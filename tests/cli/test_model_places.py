"""Where a command looks for the model that it is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants

from support.commands import call


@pytest.mark.parametrize("words", ["encode my/model --texts t.tsv --out v", "rescale my-model --k 4 --out x"])
def test_a_folder_that_is_not_there_is_said_before_the_hub(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    (tmp_path / "t.tsv").write_text("a\ta text\n")
    status, lines = call(capsys, *words.split())
    assert status == 2 and len(lines) == 1
    assert lines[0].startswith(f"rescalade: error: there is no folder {words.split()[1]}, and as an id on the hub: ")
