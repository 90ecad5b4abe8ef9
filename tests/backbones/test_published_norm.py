"""Another norm than the paper's Table 1 is another checkpoint, and stops before anything is trained on it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rescalade import published as published_data
from rescalade.audited import HeadNorms, RowNorm
from rescalade.errors import UserError
from rescalade.models.published_norm import check_published_norm
from rescalade.report.tables.audit_tables import Audited
from rescalade.report.tables.head_table import head_table
from support.commands import call
from support.hub_models import tiny_checkpoint
from support.models import tiny
from support.synthetic_audits import invented_audit, invented_norms

ID = "answerdotai/ModernBERT-base"


def norms_of(mean: float = 2.553124, largest: float = 4.2729, anisotropy: float = 0.0441) -> HeadNorms:
    """Of ModernBERT's head, with what is changed."""
    return invented_norms(1.0, row_norm=RowNorm(mean=mean, max=largest, sd=0.1), anisotropy=anisotropy)


MODERNBERT = norms_of()


def test_the_papers_checkpoint_passes_by_name_or_by_id() -> None:
    assert check_published_norm("modernbert-base", None, MODERNBERT)
    assert check_published_norm("mine", ID, MODERNBERT)


def test_a_backbone_that_the_paper_has_not_is_not_compared() -> None:
    assert not check_published_norm("mine", "owner/mine", norms_of(anisotropy=0.9))
    assert not check_published_norm("mine", None, norms_of(anisotropy=0.9))


@pytest.mark.parametrize(
    ("norms", "measure", "found"),
    [
        (norms_of(1.401, 2.045), "mean row norm", "1.401"),
        (norms_of(2.5668, 4.273), "mean row norm", "2.567"),  # 0.5 % are 0.0128
        (norms_of(2.553, 4.30), "largest row norm", "4.3"),
        (norms_of(float("nan"), 4.273), "mean row norm", "nan"),
    ],
)
def test_a_value_that_is_off_is_refused(norms: HeadNorms, measure: str, found: str) -> None:
    with pytest.raises(UserError) as caught:
        check_published_norm("modernbert-base", ID, norms)
    message = str(caught.value)
    assert message.startswith(f"backbone modernbert-base: {measure} of its head is {found}, ")
    assert "Table 1" in message and "check_norm: false" in message and "\n" not in message


@pytest.mark.parametrize("anisotropy", [0.05, 0.0389, float("nan")])
def test_another_anisotropy_is_said_and_not_refused(anisotropy: float, caplog: pytest.LogCaptureFixture) -> None:
    """The paper does not define it, so another value may be another definition: one line, and the run goes on."""
    assert check_published_norm("modernbert-base", ID, norms_of(anisotropy=anisotropy))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    message = caplog.records[0].getMessage()
    assert message.startswith(f"backbone modernbert-base: anisotropy of its head is {anisotropy:.4g}, ")
    assert "has 0.044 (± 0.005) for ModernBERT, by a definition that is not given" in message and "\n" not in message


def test_the_page_says_what_differs() -> None:
    bert = invented_audit("bert-base", "bert", 1.0, row_norm=RowNorm(mean=1.401, max=2.045, sd=0.1), anisotropy=0.532)
    other = invented_audit("mine", "bert", 1.401, anisotropy=0.532)
    notes = head_table([Audited("bert-base", "BERT", bert), Audited("mine", "Mine", other)]).notes
    assert len(notes) == 1 and notes[0].startswith("BERT: anisotropy of its head is 0.532, ")
    by_id = head_table([Audited("mine", "Mine", other, hub_id="google-bert/bert-base-uncased")]).notes
    assert [note.split(" of its head")[0] for note in by_id] == ["Mine: largest row norm", "Mine: anisotropy"]


@pytest.mark.parametrize(("mean", "limit"), [(2.5657, True), (2.5658, False)])
def test_the_tolerance_is_the_files(mean: float, limit: bool) -> None:
    norms = norms_of(mean, 4.273)
    if limit:
        check_published_norm("modernbert-base", None, norms)
    else:
        with pytest.raises(UserError):
            check_published_norm("modernbert-base", None, norms)


def test_values_of_divided_heads_are_not_compared(tmp_path: Path) -> None:
    """Table 1 is about checkpoints; a norm that is printed for k = 4 says nothing about one."""
    published = yaml.safe_load((published_data.FOLDER / "rescaling.yaml").read_text())
    divided = {"where": "Table 9", "backbone": "modernbert-base", "measure": "row_norm", "scale": 4.0, "value": 0.6383}
    published["values"].append(divided)
    (tmp_path / "rescaling.yaml").write_text(yaml.safe_dump(published))
    assert check_published_norm(
        "modernbert-base", None, MODERNBERT, published_data.load_published("rescaling", tmp_path)
    )


CONFIG = """
experiment: one
sources: {{pydoc: {{kind: pydoc}}}}
datasets: {{train: {{source: pydoc, packages: [rich]}}}}
backbones:
  bert-base-uncased: {{source: local, path: {path}{more}}}
recipes: {{quick: {{}}}}
experiments:
  one:
    title: One
    recipe: quick
    train_on: train
    in_domain: [train]
    grid: [{{backbones: [bert-base-uncased], scales: [1]}}]
"""


def test_the_stage_stops_on_a_mismatch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A tiny model named bert-base-uncased: refused with the paper's numbers, taken with its own or unchecked."""
    checkpoint = tiny_checkpoint(tmp_path / "checkpoint")
    capsys.readouterr()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(CONFIG.format(path=checkpoint, more=""))
    made = tmp_path / "results" / "backbones" / "bert-base-uncased"
    status, lines = call(capsys, "backbone", "bert-base-uncased")
    assert status == 2 and len(lines) == 1 and "backbone bert-base-uncased: mean row norm" in lines[0]
    assert list(made.parent.iterdir()) == []

    weight = tiny("bert").get_output_embeddings().weight.detach().double()  # type: ignore[union-attr]
    norms = (weight * weight).sum(1).sqrt()
    rows = weight / norms[:, None]
    cosines = (rows @ rows.T).fill_diagonal_(0)
    values = {
        "row_norm": float(norms.mean()),
        "row_norm_max": float(norms.max()),
        "anisotropy": float(cosines.sum()) / (60 * 59),
    }
    published = yaml.safe_load((published_data.FOLDER / "rescaling.yaml").read_text())
    published["values"] = [
        {"where": "Table 1", "backbone": "bert-base", "measure": name, "value": value} for name, value in values.items()
    ]
    (tmp_path / "rescaling.yaml").write_text(yaml.safe_dump(published))
    own = published_data.load_published("rescaling", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("rescalade.models.published_norm.load_published", lambda _: own)
        assert call(capsys, "backbone", "bert-base-uncased") == (0, [])
    (tmp_path / "config.yaml").write_text(CONFIG.format(path=checkpoint, more=", check_norm: false"))
    assert call(capsys, "backbone", "bert-base-uncased") == (0, [])
    assert (made / "model.safetensors").is_file()


def test_the_audit_stops_on_a_mismatch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the audit measured is compared, whatever it was measured on; nothing is written on a mismatch."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rescalade.audit.audit_stage.read_triples", lambda _: None)
    monkeypatch.setattr("rescalade.cli.audits.show", lambda *_: None)
    monkeypatch.setattr("rescalade.pipeline.execute.check_inputs", lambda *_: None)
    written = tmp_path / "results" / "audit" / "quick" / "bert-base-uncased.json"
    for largest, more, status in ((2.1, "", 2), (2.1, ", check_norm: false", 0), (2.045, "", 0)):
        bert = RowNorm(mean=1.401, max=largest, sd=0.1)
        found = invented_audit("bert-base-uncased", "bert", 1.0, row_norm=bert, anisotropy=0.447)
        monkeypatch.setattr("rescalade.audit.audit_stage.audit_on_triples", lambda *_, found=found, **__: found)
        (tmp_path / "config.yaml").write_text(CONFIG.format(path=tmp_path, more=more))
        ended, lines = call(capsys, "audit", "bert-base-uncased")
        assert (ended, written.is_file()) == (status, status == 0), lines
        if status:
            assert len(lines) == 1 and "largest row norm of its head is 2.1" in lines[0]
        written.unlink(missing_ok=True)
