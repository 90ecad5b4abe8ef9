"""`rescalade list` and `rescalade config`: plain in a pipe, JSON when asked for, and without a config.yaml too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.commands import call

CONFIG = Path(__file__).resolve().parents[2] / "config.yaml"


def out(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    from rescalade.cli.main import app

    with pytest.raises(SystemExit) as ended:
        app(list(arguments))
    assert not ended.value.code
    found = capsys.readouterr()
    return found.out, found.err


@pytest.mark.parametrize("subject", ["backbones", "datasets", "recipes", "experiments", "sources"])
def test_lists_without_a_configuration_are_those_of_the_catalogue(
    subject: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import yaml

    monkeypatch.chdir(tmp_path)
    lines = out(capsys, "list", subject)[0].splitlines()
    folder = CONFIG.parent / "workflow" / "rescalade" / "catalogue"
    names = list(yaml.safe_load((folder / f"{subject}.yaml").read_text())[subject])
    assert [line.split("\t")[0] for line in lines] == names
    assert all(line.split("\t")[3].startswith(f"catalogue/{subject}.yaml:") for line in lines)
    rows = json.loads(out(capsys, "list", subject, "--json")[0])
    assert [row["name"] for row in rows] == names


def test_values_and_their_places_and_what_goes_over_the_catalogue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text("experiment: mini\nbackbones:\n  bert-small: {title: Mine}\n")
    shown, said = out(capsys, "config", "backbones.bert-small")
    assert "backbones.bert-small.title\tMine\tconfig.yaml:3" in shown.splitlines()
    assert "config.yaml:3: backbones.bert-small goes over the catalogue's" in said
    (row,) = json.loads(out(capsys, "config", "backbones.bert-small.factor", "--json")[0])
    assert row == {"key": "backbones.bert-small.factor", "value": 1.0, "where": "default"}


def test_mistakes_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (["list", "backbone"], "did you mean 'backbones'?"),
        (["config", "backbones.bert-smal", "--config", str(CONFIG)], "did you mean 'bert-small'?"),
        (["config", "--config", "nowhere.yaml"], "nowhere.yaml cannot be read"),
    ):
        status, lines = call(capsys, *arguments)
        assert (status, len(lines)) == (2, 1) and message in lines[0]
