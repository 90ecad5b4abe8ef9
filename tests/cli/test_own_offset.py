"""An offset outside of the pipeline: tried by an audit, put into a model, and refused in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rescalade.models.load import load_lm
from rescalade.rescaling.offset_texts import own_texts
from rescalade.rescaling.sidecar import FILE, Rescaled
from support.commands import call, run
from support.encoding import small_tokenizer
from support.families import tiny_form
from support.texts import TEXTS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny_form("llama").save_pretrained(tmp_path / "model")
    small_tokenizer().save_pretrained(tmp_path / "model")
    (tmp_path / "texts.tsv").write_text("".join(f"d{number}\t{text}\n" for number, text in enumerate(TEXTS[:30])))
    return tmp_path


def test_the_bias_is_what_the_texts_say(folder: Path) -> None:
    """Mean and deviation by hand, one unpadded text at a time, cut at the length that is asked for."""
    texts = str(folder / "texts.tsv")
    run("rescale", str(folder / "model"), "--k", "4", "--mode", "folded", "--offset", "1.5", "--texts", texts,
        "--max-length", "12", "--out", str(folder / "made"))  # fmt: skip
    model, tokenizer, rows = tiny_form("llama"), small_tokenizer(), []
    for text in TEXTS[:30]:
        ids = tokenizer(text, truncation=True, max_length=12, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            rows.append(model(input_ids=torch.tensor([ids])).logits[0].amax(0).double() / 4)
    pooled = torch.stack(rows)
    expected = -(pooled.mean(0) + 1.5 * pooled.std(0))
    torch.testing.assert_close(load_lm(folder / "made").lm_head.bias.detach().double(), expected, rtol=1e-4, atol=1e-5)
    done = Rescaled.read(folder / "made" / FILE).offset
    assert done is not None and (done.c, done.texts, done.given) == (1.5, 30, True)


@pytest.mark.usefixtures("undrawn")
def test_an_audit_tries_offsets_where_there_are_texts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("audit", str(folder / "model"), "--texts", str(folder / "texts.tsv"), "--out", str(folder / "page"))
    assert "measured on 30 texts, at k = 1" in capsys.readouterr().out
    csv = (folder / "page" / "offsets.csv").read_text().splitlines()
    assert [line.split(",")[2] for line in csv[1:]] == ["none", "1", "2", "3"]
    run("audit", str(folder / "model"), "--out", str(folder / "plain"))
    assert "With an offset" not in capsys.readouterr().out and not (folder / "plain" / "offsets.csv").exists()


def test_what_cannot_be_measured_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = folder / "one.tsv"
    one.write_text("d1\talone\n")
    model, out = str(folder / "model"), str(folder / "made")
    for options, words in (
        (("--offset", "2"), "--offset is measured on texts: name a file of them with --texts"),
        (("--texts", str(one)), "--texts are for an offset of each term: give its c with --offset"),
        (("--offset", "2", "--texts", str(one)), f"{one}: an offset is measured on at least 2 texts, here are 1"),
        (("--offset", "-1", "--texts", str(one)), "offset c: a finite number of at least 0 is expected, found -1.0"),
        (("--offset", "2", "--texts", str(folder / "none.tsv")), "none.tsv"),
    ):
        status, lines = call(capsys, "rescale", model, "--k", "1", "--out", out, *options)
        assert status == 2 and len(lines) == 1 and words in lines[0], lines
    assert not Path(out).exists()


def test_many_texts_are_taken_at_equal_distances(tmp_path: Path) -> None:
    (tmp_path / "many.tsv").write_text("".join(f"d{number}\ttext {number}\n" for number in range(511)))
    assert own_texts(tmp_path / "many.tsv") == [f"text {number}" for number in range(0, 511, 2)]
