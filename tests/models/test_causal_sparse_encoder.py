"""Causal models as SparseEncoder folders: the vectors are the encoder's, or the folder says why there are none."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from rescalade.backbones.vocabulary import as_transformers, train_wordpiece
from rescalade.encoding.encoder import Encoder
from rescalade.errors import UserError
from rescalade.models.card_use import use_section
from rescalade.models.decoder_bias import give_bias
from rescalade.models.load import load_tokenizer
from rescalade.models.reading import set_reading
from rescalade.models.sparse_encoder_files import save_sparse_encoder
from rescalade.models.splade_config import FILE
from support.encoding import small_tokenizer, splade_config
from support.families import VOCABULARY, tiny_form
from support.texts import TEXTS

QUERIES = [text[:15] for text in TEXTS[:5]]
DOCUMENTS = [*TEXTS[5:9], TEXTS[9] * 3]
"""The last one is longer than the model's 16 tokens."""
PROMPTS = {"query_prompt": TEXTS[7][:6], "document_prompt": TEXTS[8][:6]}


def save(
    path: Path,
    form: str = "llama",
    reading: Any = "causal",
    tokenizer: PreTrainedTokenizerFast | None = None,
    *,
    bias: bool = False,
    **how: Any,
) -> str | None:
    model = tiny_form(form)
    set_reading(model, reading, path)
    if bias:
        give_bias(model)
    config = splade_config(**{"special_tokens": "none", "reading": reading, **how})
    return save_sparse_encoder(model, tokenizer or small_tokenizer(), config, path)


def with_bos(template: str) -> PreTrainedTokenizerFast:
    """The tests' tokenizer with BOS, and with what its template adds to a text."""
    tokenizer = small_tokenizer()
    tokenizer.bos_token = tokenizer.cls_token
    special = [(name, tokenizer.convert_tokens_to_ids(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=template, special_tokens=special)
    return tokenizer


def ours(path: Path, texts: list[str], *, queries: bool) -> Tensor:
    encoder = Encoder.load(path)
    found, _ = encoder.encode(list(texts), encoder.tokens(texts, queries=queries), lambda _: None, queries=queries)
    dense = torch.zeros(len(texts), VOCABULARY)
    for row in range(len(texts)):
        part = slice(found.offsets[row], found.offsets[row + 1])
        dense[row, torch.from_numpy(found.terms[part]).long()] = torch.from_numpy(found.weights[part])
    return dense


def assert_equal_vectors(path: Path) -> None:
    from sentence_transformers import SparseEncoder

    theirs = SparseEncoder(str(path), device="cpu")
    for queries, texts, encode in ((True, QUERIES, theirs.encode_query), (False, DOCUMENTS, theirs.encode_document)):
        expected = ours(path, texts, queries=queries)
        assert 0 < int((expected > 0).sum()) < expected.numel()
        # float32 sums in another order: rows are padded on the left there
        torch.testing.assert_close(encode(texts).to_dense().cpu(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("reading", ["causal", "bidirectional"])
@pytest.mark.parametrize("form", ["llama", "qwen3"])
def test_the_vectors_are_the_encoders(form: str, reading: str, tmp_path: Path) -> None:
    assert save(tmp_path, form, reading, **PROMPTS) is None
    assert_equal_vectors(tmp_path)


@pytest.mark.parametrize("reading", ["causal", "bidirectional"])
def test_the_vectors_follow_from_the_files_of_sentence_transformers_alone(reading: str, tmp_path: Path) -> None:
    changed = {"pooling": "sum", "activation": "log1p_relu", "max_active_dims": 9}
    save(tmp_path, reading=reading, query_length=8, **changed, **PROMPTS)
    with_ours = Encoder.load(tmp_path).how
    (tmp_path / FILE).unlink()
    assert Encoder.load(tmp_path).how == with_ours
    assert_equal_vectors(tmp_path)


def test_a_causal_folder_of_the_last_logits_is_refused(tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / FILE).unlink()
    settings = tmp_path / "sentence_bert_config.json"
    settings.write_text(settings.read_text().replace('"logits_to_keep": 0', '"logits_to_keep": 1'))
    with pytest.raises(UserError, match="logits_to_keep is 1, so that only the last tokens are pooled"):
        Encoder.load(tmp_path)


def test_bos_where_the_tokenizers_template_is_bos(tmp_path: Path) -> None:
    assert save(tmp_path, tokenizer=with_bos("[CLS] $A"), special_tokens="bos", **PROMPTS) is None
    assert_equal_vectors(tmp_path)
    (tmp_path / FILE).unlink()
    assert Encoder.load(tmp_path).how.special_tokens == "own"
    assert_equal_vectors(tmp_path)


def test_a_longer_head_a_tokenizer_that_pads_left_and_pad_that_is_eos(tmp_path: Path) -> None:
    """Padding is known by the mask alone, so texts that hold the token keep it."""
    tokenizer = as_transformers(train_wordpiece(TEXTS, 50), 16)
    numbers = itertools.chain.from_iterable(tokenizer(DOCUMENTS, add_special_tokens=False)["input_ids"])
    common = Counter(numbers).most_common(1)[0][0]
    tokenizer.eos_token = tokenizer.pad_token = tokenizer.convert_ids_to_tokens(common)
    tokenizer.padding_side = "left"
    assert len(tokenizer) < VOCABULARY
    assert any(common in row for row in tokenizer(DOCUMENTS, add_special_tokens=False)["input_ids"])
    assert save(tmp_path, tokenizer=tokenizer) is None
    loaded = load_tokenizer(tmp_path)
    assert loaded.pad_token_id == loaded.eos_token_id == common
    assert_equal_vectors(tmp_path)
    model = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    expected = []
    for text in DOCUMENTS:
        ids = loaded(text, add_special_tokens=False, truncation=True, max_length=16, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            expected.append(torch.log1p(torch.relu(model(input_ids=ids).logits[0].amax(0))))
    torch.testing.assert_close(ours(tmp_path, DOCUMENTS, queries=False), torch.stack(expected), rtol=1e-5, atol=1e-5)


def test_without_a_padding_token_the_vectors_are_the_same(tmp_path: Path) -> None:
    save(tmp_path / "with")
    tokenizer = small_tokenizer()
    tokenizer.eos_token, tokenizer.pad_token = "[SEP]", None
    save(tmp_path / "without", tokenizer=tokenizer)
    found = [ours(tmp_path / name, DOCUMENTS, queries=False) for name in ("with", "without")]
    assert torch.equal(*found)


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"reading": "echo"}, "pools the second copy"),
        ({"pool_prompt": False, **PROMPTS}, "tokens of its prompts out of the maximum"),
        ({"pool_special_tokens": False}, "special tokens out of the maximum"),
        ({"special_tokens": "bos", "tokenizer": with_bos("[CLS] $A [SEP]")}, "begins every text with BOS"),
        ({"bias": True}, "transformers' llama does not have"),
    ],
)
def test_what_sentence_transformers_has_no_module_for_is_refused(
    what: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    refusal = save(tmp_path, **what)
    assert refusal is not None and reason in refusal
    assert not (tmp_path / "modules.json").exists()
    how = Encoder.load(tmp_path).how
    card = use_section(how, refusal)
    assert refusal in card and "import SparseEncoder" not in card
    code = re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)[0].replace("path/to/this/folder", str(tmp_path))
    names: dict[str, Any] = {}
    exec(code, names)  # the card's own example
    assert len(names["vector"]) == 1


def test_a_prompt_that_does_not_exist_is_left_out_by_nobody(tmp_path: Path) -> None:
    assert save(tmp_path, pool_prompt=False) is None
    assert json.loads((tmp_path / "config_sentence_transformers.json").read_text())["prompts"] == {}
