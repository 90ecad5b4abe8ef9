"""The offset in the stage `rescale`: measured on the data set's texts, written down, and in the vectors of others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rescalade.encoding.encoder import Encoder
from rescalade.errors import UserError
from rescalade.library import make_rescaled
from rescalade.models.load import load_lm
from rescalade.rescaling.offset_texts import TEXTS as COUNT
from rescalade.rescaling.offset_texts import in_batches
from rescalade.rescaling.rescale_stage import run_rescale
from rescalade.rescaling.settings import RescaleSettings
from rescalade.rescaling.sidecar import FILE, Rescaled
from rescalade.stage import Call
from rescalade.texts.layout import Layout
from rescalade.texts.named_texts import document_texts, spread
from rescalade.texts.text_settings import TextSettings
from rescalade.variants import Variant
from support.encoding import save_data, small_tokenizer, splade_config
from support.families import tiny_form
from support.texts import TEXTS

QUERIES, DOCUMENTS = [text[:20] for text in TEXTS[:5]], TEXTS[:25]
LENGTHS = TextSettings(query_length=8, document_length=16)


def offset(form: str, tmp_path: Path) -> Path:
    """A tiny model after the stage, with c = 1, its head untied and divided by 4."""
    tiny_form(form).save_pretrained(tmp_path / "origin")
    small_tokenizer().save_pretrained(tmp_path / "origin")
    how = splade_config(special_tokens="none" if form == "llama" else "own")
    how.write(tmp_path / "origin" / "splade.json")
    data = save_data(tmp_path / "data")
    settings = RescaleSettings(
        scale=4,
        mode="untied",
        bias=form == "bert",
        rule=None,
        reading="causal",
        offset=1.0,
        adapted=False,
        texts=LENGTHS,
    )
    inputs = {"model": tmp_path / "origin", "corpus": data / "corpus.parquet"}
    run_rescale(settings, inputs, {"model": tmp_path / "made"}, Call("rescale", names={"backbone": "tiny"}))
    return tmp_path / "made"


def pooled(form: str, special: bool) -> np.ndarray:
    """[30, V]: pooled logits of all queries and documents, one unpadded text at a time."""
    model, tokenizer = tiny_form(form), small_tokenizer()
    rows = []
    for length, texts in ((8, QUERIES), (16, DOCUMENTS)):
        for text in texts:
            ids = tokenizer(text, truncation=True, max_length=length, add_special_tokens=special)["input_ids"]
            with torch.no_grad():
                rows.append(model(input_ids=torch.tensor([ids])).logits[0].amax(0).double().numpy())
    return np.stack(rows)


@pytest.mark.parametrize("form", ["bert", "llama"])
def test_every_text_of_a_small_data_set_counts_once(form: str, tmp_path: Path) -> None:
    made = offset(form, tmp_path)
    dense = pooled(form, special=form == "bert")
    expected = np.maximum((dense - dense.mean(axis=0) - dense.std(axis=0, ddof=1)) / 4, 0)
    found = Encoder.load(made).encode_query(QUERIES[2])
    weights = np.zeros(60)
    weights[found.terms] = found.weights
    assert 0 < len(found.terms) < 60
    np.testing.assert_allclose(weights, np.log1p(expected[2]), rtol=1e-4, atol=1e-5)
    done = Rescaled.read(made / FILE).offset
    assert done is not None and (done.c, done.texts, done.given) == (1.0, 30, form == "llama")
    assert done.mean == pytest.approx(dense.mean() / 4, rel=1e-4)
    assert done.sd == pytest.approx(dense.std(axis=0, ddof=1).mean() / 4, rel=1e-4)
    assert "| offset c | 1: each term's pooled logit lowered" in (made / "README.md").read_text()


def test_others_have_the_offset_of_a_masked_model_and_no_folder_of_a_causal_one(tmp_path: Path) -> None:
    from sentence_transformers import SparseEncoder

    made = offset("bert", tmp_path / "bert")
    found = Encoder.load(made).encode_query(TEXTS[3][:5])
    theirs = SparseEncoder(str(made), device="cpu").encode([TEXTS[3][:5]]).to_dense()[0]
    dense = torch.zeros(60)
    dense[torch.from_numpy(found.terms).long()] = torch.from_numpy(found.weights)
    torch.testing.assert_close(theirs, dense, rtol=1e-5, atol=1e-5)
    causal = offset("llama", tmp_path / "llama")
    assert not (causal / "modules.json").exists()
    reason = Rescaled.read(causal / FILE).no_sparse_encoder
    assert reason is not None and reason in (causal / "README.md").read_text()
    assert "lm_head.bias" in dict(load_lm(causal).named_parameters())


def test_texts_lie_at_equal_distances_and_batches_hold_few_logits(tmp_path: Path) -> None:
    documents = document_texts(save_data(tmp_path / "data"))
    assert spread(documents, 4) == [DOCUMENTS[0], DOCUMENTS[8], DOCUMENTS[16], DOCUMENTS[24]]
    assert spread(documents, COUNT // 2) == DOCUMENTS
    tokenizer = small_tokenizer()
    for vocabulary, most in ((60, 25), (2**20, 2), (2**40, 1)):
        batches = list(in_batches(tokenizer, Layout(16), DOCUMENTS, vocabulary))
        sizes = [len(batch.input_ids) for batch in batches]
        assert max(sizes) == most and sum(sizes) == len(DOCUMENTS)


def test_an_offset_without_texts_is_refused(tmp_path: Path) -> None:
    tiny_form("bert").save_pretrained(tmp_path)
    small_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(UserError, match="variant k4-offset2: its offset is measured on texts"):
        make_rescaled(tmp_path, Variant(4, offset=2), tmp_path / "made")
