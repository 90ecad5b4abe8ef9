"""The trainer against the equations written out densely: all logits, one text after the other, AdamW by hand."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rescalade.errors import UserError
from rescalade.models.lora_settings import LoraSettings
from rescalade.rescaling.divide import rescale
from rescalade.splade import kernels
from rescalade.splade.backends import portable
from rescalade.splade.model import SpladeModel
from rescalade.texts.micro_batches import micro_batches
from rescalade.training.examples import Examples
from rescalade.training.settings import TrainSettings
from support.models import tiny
from support.training import examples, run, still, texts_of

SETTINGS = TrainSettings(
    batch_size=4, accumulation=2, max_steps=6, learning_rate=1e-2, lambda_query=0.3, lambda_document=0.2, epsilon=1e-3
)


def dense_weights(model: nn.Module, texts: list[list[int]], twice: bool = False) -> Tensor:
    """[B, V] by the definition, each text alone and without padding; `twice` the logarithm."""
    rows = []
    for text in texts:
        logits = model(input_ids=torch.tensor([text]), attention_mask=torch.ones(1, len(text))).logits[0]
        weights = torch.log(1 + logits.clamp_min(0))
        rows.append((torch.log(1 + weights) if twice else weights).max(0).values)
    return torch.stack(rows)


def dense_loss(
    model: nn.Module, data: Examples, numbers: list[int], lambdas: tuple[float, float], twice: bool = False
) -> Tensor:
    """InfoNCE + lambda FLOPS of one micro-batch, query by query."""
    queries = dense_weights(model, texts_of(data.queries, data.rows[numbers, 0]), twice)
    positives = dense_weights(model, texts_of(data.documents, data.rows[numbers, 1]), twice)
    negatives = dense_weights(model, texts_of(data.documents, data.rows[numbers, 2:].reshape(-1)), twice)
    documents = [*positives, *negatives]
    ranking = torch.tensor(0.0)
    for row, query in enumerate(queries):
        scores = torch.stack([(query * document).sum() for document in documents])
        ranking = ranking - (scores[row] - scores.exp().sum().log()) / len(queries)
    flops_query = sum((queries[:, j].mean() ** 2 for j in range(queries.shape[1])), torch.tensor(0.0))
    together = torch.stack(documents)
    flops_document = sum((together[:, j].mean() ** 2 for j in range(together.shape[1])), torch.tensor(0.0))
    return ranking + lambdas[0] * flops_query + lambdas[1] * flops_document


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("bert", {}),
        ("modernbert", {}),
        ("bert", {"activation": "log1p_relu"}),
        ("bert", {"decoder_learning_rate": 0.25}),
    ],
)
def test_losses_and_weights_are_those_of_the_dense_reference(
    kind: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    data, settings = examples(), SETTINGS.model_copy(update=changes)
    factor = changes.get("decoder_learning_rate", 1.0)
    models = [still(kind).masked_lm for _ in range(2)]
    if factor != 1:
        for model in models:
            SpladeModel(model).restore_decoder()
            rescale(model, 1.0, mode="untied")
    trained, weights = run(tmp_path, settings, data=data, model=SpladeModel(models[0]))

    model = models[1]
    SpladeModel(model).restore_decoder()
    model.eval()
    moments = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in model.named_parameters()}
    batches = micro_batches(len(data), settings.batch_size, 7)
    losses = []
    for step in range(6):
        ramp = min(1.0, step / 2) ** 2  # a third of six steps
        loss = torch.tensor(0.0)
        for numbers in itertools.islice(batches, 2):
            lambdas = (0.3 * ramp, 0.2 * ramp)
            loss = loss + dense_loss(model, data, numbers.tolist(), lambdas, "activation" in changes) / 2
        model.zero_grad()
        loss.backward()
        losses.append(float(loss.detach()))
        gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        norm = math.sqrt(sum(float((g.double() ** 2).sum()) for g in gradients.values()))
        rate = 1e-2 * (step / 1 if step < 1 else (6 - step) / 5)  # one step of warm-up, then linear to 0
        for name, parameter in model.named_parameters():
            if name not in gradients:
                continue
            gradient = gradients[name] * min(1.0, 1 / (norm + 1e-6))
            first, second = moments[name]
            first.mul_(0.9).add_(gradient, alpha=0.1)
            second.mul_(0.999).add_(gradient**2, alpha=0.001)
            update = (first / (1 - 0.9 ** (step + 1))) / ((second / (1 - 0.999 ** (step + 1))).sqrt() + 1e-3)
            decoder = name == "cls.predictions.decoder.weight"
            parameter.data.add_(update, alpha=-rate * (factor if decoder else 1))
    # float32 sums in another order: 1e-5 of a loss, and after six steps of AdamW 1e-4 of a weight
    assert [row["loss"] for row in trained.history] == pytest.approx(losses, rel=1e-5)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(weights[f"masked_lm.{name}"], parameter.detach(), rtol=0, atol=1e-4, msg=name)


def test_a_learning_rate_of_its_own_is_for_a_projection_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"decoder_learning_rate 0\.25: the output projection of this bert model is"):
        run(tmp_path, SETTINGS.model_copy(update={"decoder_learning_rate": 0.25}))
    with pytest.raises(ValueError, match=r"decoder_learning_rate is 0\.25, but lora freezes"):
        TrainSettings(decoder_learning_rate=0.25, lora=LoraSettings(rank=2))


@pytest.mark.parametrize("changed", [{"precision": "bf16"}, {"score_precision": "bf16"}])
def test_bf16_is_near_and_leaves_weights_and_term_weights_float32(changed: dict[str, str], tmp_path: Path) -> None:
    exact, _ = run(tmp_path / "fp32", SETTINGS, model=still())
    model = still()
    rounded, _ = run(tmp_path / "bf16", SETTINGS.model_copy(update=changed), model=model)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    losses = [row["loss"] for row in rounded.history]
    assert losses == pytest.approx([row["loss"] for row in exact.history], rel=0.05)  # 8 bits of mantissa
    assert losses != [row["loss"] for row in exact.history]


def test_the_back_end_of_the_head_is_the_one_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Tensor) -> None:
        raise AssertionError("another back end was called")

    exact, _ = run(tmp_path / "auto", SETTINGS, model=still())
    monkeypatch.setattr(portable, "length_blocks", forbidden)
    numba, _ = run(tmp_path / "numba", SETTINGS.model_copy(update={"head_backend": "numba"}), model=still())
    monkeypatch.undo()
    monkeypatch.setattr(kernels, "segment_max", forbidden)
    plain, _ = run(tmp_path / "portable", SETTINGS.model_copy(update={"head_backend": "portable"}), model=still())
    for other in (numba, plain):  # the same winners and gradients, summed in another order
        assert [row["loss"] for row in other.history] == pytest.approx([row["loss"] for row in exact.history], rel=1e-5)


def test_a_back_end_that_is_not_for_the_device_is_refused_before_the_first_step(tmp_path: Path) -> None:
    steps: list[int] = []
    settings = SETTINGS.model_copy(update={"head_backend": "triton"})
    with pytest.raises(UserError, match="head_backend 'triton' needs"):
        run(tmp_path, settings, progress=lambda done, *_: steps.append(done))
    assert steps == []


def test_an_encoder_of_the_modules_gives_the_weights_of_the_stock_modules(tmp_path: Path) -> None:
    from sentence_transformers import SparseEncoder
    from transformers import BertTokenizerFast

    from rescalade.models.sparse_encoder_files import save_sparse_encoder
    from rescalade.splade.modules import sparse_encoder
    from rescalade.texts.layout import Layout
    from support.encoding import splade_config

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(chr(97 + i // 26) + chr(97 + i % 26) for i in range(55))]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    tokenizer = BertTokenizerFast(str(tmp_path / "vocab.txt"))
    model = tiny("bert")
    splade = SpladeModel(model)
    texts = ["aa ab ac", "ad", "ba bb aa ac ad ae af"]
    ours = sparse_encoder(splade, tokenizer, layout=Layout(16)).encode(texts, convert_to_sparse_tensor=False)
    splade.restore_decoder()
    save_sparse_encoder(model, tokenizer, splade_config(), tmp_path / "model")
    stock = SparseEncoder(str(tmp_path / "model"), device="cpu").encode(texts, convert_to_sparse_tensor=False)
    torch.testing.assert_close(ours, stock, rtol=1e-5, atol=1e-6)
