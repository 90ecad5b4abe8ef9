"""A SparseEncoder with the fused head: its vectors, gradients, training and files are those of the stock modules."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SparseEncoder, SparseEncoderTrainer
from sentence_transformers.base.modules import Router, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from sentence_transformers.sparse_encoder import SparseEncoderTrainingArguments
from sentence_transformers.sparse_encoder.losses import SparseMultipleNegativesRankingLoss, SpladeLoss
from sentence_transformers.sparse_encoder.modules import SparseStaticEmbedding, SpladePooling

import rescalade
from rescalade.config.default_rule import DEFAULT_RULE
from rescalade.errors import UserError
from rescalade.models.reading import set_reading
from rescalade.models.sparse_encoder_files import save_sparse_encoder
from rescalade.rescaling.make import make_rescaled
from rescalade.splade import length_pieces
from rescalade.variants import Variant
from support.encoding import save_model, small_tokenizer, splade_config
from support.families import tiny_form
from support.texts import TEXTS

FORMS = ("bert", "modernbert", "mobilebert", "deberta-v2, legacy: false", "roberta")
UNEVEN = [text[:size] for text, size in zip(TEXTS, (4, 200, 6, 3, 200, 5, 2, 9), strict=False)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Language models with tokenizers, and a folder of a causal one as a SparseEncoder."""
    found = {}
    for form in FORMS:
        found[form] = tmp_path_factory.mktemp("models") / form.partition(",")[0]
        model = tiny_form(form)
        for dropout in ("hidden_dropout_prob", "attention_probs_dropout_prob"):
            setattr(model.config, dropout, 0.0)  # whose random numbers differ where texts are cut into pieces
        model.save_pretrained(found[form])
        small_tokenizer().save_pretrained(found[form])
    for form in ("llama", "gemma2"):
        plain = tmp_path_factory.mktemp("models") / form
        tiny_form(form).save_pretrained(plain)
        small_tokenizer().save_pretrained(plain)
        found[form] = tmp_path_factory.mktemp("models") / "sparse"
        make_rescaled(plain, Variant(2, "folded"), found[form], max_length=16)
    return found


def stock(folder: Path, pooling: str = "max", activation: str = "relu") -> SparseEncoder:
    """What sentence-transformers makes of the folder by itself, in float32 and cut as ours."""
    if (folder / "modules.json").is_file():
        return SparseEncoder(str(folder), device="cpu")
    transformer = Transformer(str(folder), transformer_task="fill-mask", max_seq_length=16)
    return SparseEncoder(modules=[transformer, SpladePooling(pooling, activation)], device="cpu")  # type: ignore[arg-type]


def ours(folder: Path, **options: Any) -> SparseEncoder:
    return rescalade.sparse_encoder(folder, **{"k": 1, "max_length": 16, "device": "cpu", **options})


def dense(model: SparseEncoder, texts: list[str], **options: Any) -> torch.Tensor:
    found: torch.Tensor = model.encode(texts, convert_to_sparse_tensor=False, **options)  # type: ignore[assignment]
    return found


@pytest.mark.parametrize("form", [*FORMS, "llama", "gemma2"])
@pytest.mark.parametrize("pieces", [False, True])
def test_vectors_and_gradients_are_those_of_the_stock_modules(
    form: str, pieces: bool, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In training, short and long texts apart as well as together; sums run in another order, hence the tolerance."""
    for name in ("BODY", "EMBEDDING"):
        monkeypatch.setattr(length_pieces, name, 0 if pieces else 10**9)
    models = ours(folders[form]), stock(folders[form])
    weights, gradients = [], []
    for model in models:
        model.eval()[1].train()  # no dropout; but for training the stock pooling overwrites what a gradient needs
        torch.manual_seed(0)
        found = model(model.preprocess(UNEVEN))["sentence_embedding"]
        (found * torch.rand_like(found)).sum().backward()
        weights.append(found.detach())
        gradients.append({name: value.grad for name, value in model.named_parameters() if value.grad is not None})
    assert float(weights[1].max()) > 0.1
    torch.testing.assert_close(weights[0], weights[1], rtol=1e-5, atol=1e-6)
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[1].items():
        torch.testing.assert_close(
            gradients[0][name], gradient, rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.mark.parametrize("pooling", [("max", "log1p_relu"), ("sum", "relu"), ("sum", "log1p_relu")])
def test_sums_and_second_logarithms_are_fused_too(pooling: tuple[str, str], folders: dict[str, Path]) -> None:
    theirs = stock(folders["bert"], *pooling)
    expected = dense(theirs, UNEVEN)
    fused = rescalade.sparse_encoder(theirs)
    assert fused is theirs and type(fused[1]).__name__ == "FusedPooling"
    torch.testing.assert_close(dense(fused, UNEVEN), expected, rtol=1e-5, atol=1e-5)
    if pooling[0] == "sum":
        with pytest.raises(UserError, match="sums over tokens"):
            rescalade.audit(fused)


def train(model: SparseEncoder, folder: Path) -> list[float]:
    """Three steps of the stock trainer; the losses."""
    loss = SpladeLoss(model, SparseMultipleNegativesRankingLoss(model), 3e-3, 5e-2)
    arguments = SparseEncoderTrainingArguments(
        output_dir=str(folder), max_steps=3, per_device_train_batch_size=4, learning_rate=1e-3, use_cpu=True,
        save_strategy="steps", save_steps=3, logging_steps=1, report_to="none", disable_tqdm=True,
    )  # fmt: skip
    rows = {"query": [text[:12] for text in TEXTS[:12]], "positive": TEXTS[:12], "negative": TEXTS[12:24]}
    trainer = SparseEncoderTrainer(model, arguments, train_dataset=Dataset.from_dict(rows), loss=loss)
    trainer.train()
    trainer._load_from_checkpoint(str(folder / "checkpoint-3"))  # as at the end, for the best model
    return [row["loss"] for row in trainer.state.log_history if "loss" in row]


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_the_stock_trainer_trains_it_alike_and_it_is_saved_as_a_stock_folder(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    models = {"ours": ours(folders["bert"]), "stock": stock(folders["bert"])}
    losses = {name: train(model, tmp_path / f"{name}-checkpoints") for name, model in models.items()}
    assert len(losses["ours"]) == 3 and losses["ours"] == pytest.approx(losses["stock"], rel=1e-4)
    for name, model in models.items():
        model.save_pretrained(str(tmp_path / name))
    files = {
        name: sorted(path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*")) for name in models
    }
    assert files["ours"] == files["stock"]
    for name in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json", "config.json"):
        assert json.loads((tmp_path / "ours" / name).read_text()) == json.loads((tmp_path / "stock" / name).read_text())
    assert "FusedSparse" not in (tmp_path / "ours" / "README.md").read_text()
    expected = dense(models["ours"], UNEVEN)
    torch.testing.assert_close(dense(SparseEncoder(str(tmp_path / "ours"), device="cpu"), UNEVEN), expected)
    assert not torch.equal(expected, dense(ours(folders["bert"]), UNEVEN))  # it has moved
    again = SparseEncoder(str(tmp_path / "ours-checkpoints" / "checkpoint-3"), device="cpu")
    torch.testing.assert_close(dense(again, UNEVEN), expected)


def test_a_copy_and_a_pickle_are_models_of_their_own(folders: dict[str, Path]) -> None:
    """Processes that encode together get a pickle. DeBERTa's newer head is the one that took a closure."""
    for form in ("bert", "deberta-v2, legacy: false"):
        model = ours(folders[form])
        expected = dense(model, UNEVEN)
        others = copy.deepcopy(model), pickle.loads(pickle.dumps(model))
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()
        assert all(torch.equal(dense(other, UNEVEN), expected) for other in others)


def test_the_document_route_of_a_router_is_fused(folders: dict[str, Path], tmp_path: Path) -> None:
    tokenizer = small_tokenizer()
    static = SparseStaticEmbedding(tokenizer, torch.rand(len(tokenizer)))
    document = Transformer(str(folders["bert"]), transformer_task="fill-mask", max_seq_length=16)
    router = Router.for_query_document([static], [document, SpladePooling("max")])
    model = SparseEncoder(modules=[router], device="cpu")
    queries, documents = model.encode_query(TEXTS[:3]).to_dense(), model.encode_document(UNEVEN).to_dense()
    rescalade.sparse_encoder(model)
    assert type(document).__name__ == "FusedTransformer"
    for each in (model, copy.deepcopy(model)):
        torch.testing.assert_close(each.encode_query(TEXTS[:3]).to_dense(), queries)
        torch.testing.assert_close(each.encode_document(UNEVEN).to_dense(), documents)
    model.save_pretrained(str(tmp_path))
    loaded = rescalade.sparse_encoder(tmp_path, device="cpu")
    torch.testing.assert_close(loaded.encode_document(UNEVEN).to_dense(), documents)
    assert "Fused" not in (tmp_path / "router_config.json").read_text()


def test_k_is_divided_by_before_and_auto_is_the_rule_of_the_audit(folders: dict[str, Path], tmp_path: Path) -> None:
    chosen = rescalade.audit(folders["bert"]).predicted[DEFAULT_RULE].power
    assert chosen == 2  # the fourth root of 16
    make_rescaled(folders["bert"], Variant(chosen, "folded", bias=True), tmp_path, max_length=16)
    expected = dense(SparseEncoder(str(tmp_path), device="cpu"), UNEVEN)
    for model in (ours(folders["bert"], k="auto"), ours(folders["bert"], k=2), ours(tmp_path, k="auto")):
        torch.testing.assert_close(dense(model, UNEVEN), expected, rtol=1e-5, atol=1e-6)
    twice = ours(folders["bert"])
    rescalade.rescale(twice, 2, mode="folded", bias=True)
    torch.testing.assert_close(dense(twice, UNEVEN), expected, rtol=1e-5, atol=1e-6)
    assert rescalade.audit(twice).row_norm.mean == pytest.approx(rescalade.audit(folders["bert"]).row_norm.mean)


def test_an_adapter_is_not_saved_away_from_the_divided_head_that_it_belongs_to(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    peft = pytest.importorskip("peft")
    adapter = peft.LoraConfig(target_modules=["query"], r=2, init_lora_weights=False)
    divided = ours(folders["bert"], k=4)
    with pytest.raises(UserError, match="save_pretrained this model to a folder first"):
        divided.add_adapter(adapter)
    divided.save_pretrained(str(tmp_path / "divided"))
    model = ours(tmp_path / "divided", k="auto")
    model.add_adapter(adapter)
    model.save_pretrained(str(tmp_path / "adapter"))
    loaded = SparseEncoder(str(tmp_path / "adapter"), device="cpu")
    torch.testing.assert_close(dense(loaded, UNEVEN), dense(model, UNEVEN), rtol=1e-5, atol=1e-6)
    rescalade.rescale(undivided := ours(folders["bert"]), 2, mode="folded", bias=True)
    with pytest.raises(UserError, match="an adapter is saved without the model"):
        undivided.add_adapter(adapter)


def test_a_ready_model_keeps_its_prompts_and_lengths(tmp_path: Path) -> None:
    save_model(tmp_path, query_prompt="a list: ")
    model, theirs = rescalade.sparse_encoder(tmp_path, device="cpu"), SparseEncoder(str(tmp_path), device="cpu")
    assert model.prompts == theirs.prompts and model.max_seq_length == theirs.max_seq_length == 16
    torch.testing.assert_close(model.encode_query(TEXTS[:4]).to_dense(), theirs.encode_query(TEXTS[:4]).to_dense())


def causal(path: Path, form: str = "llama", **how: Any) -> str | None:
    """A plain checkpoint; with settings, a trained folder."""
    model, tokenizer = tiny_form(form), small_tokenizer()
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return save_sparse_encoder(model, tokenizer, splade_config(special_tokens="none", **how), path) if how else None


@pytest.mark.parametrize("reading", ["causal", "bidirectional"])
@pytest.mark.parametrize("form", ["llama", "gemma2"])
def test_a_causal_language_model_becomes_the_encoder_of_its_exported_folder(
    form: str, reading: Any, tmp_path: Path
) -> None:
    """In either reading, divided or not; and the folder that it is saved to says all of it again."""
    causal(tmp_path / "plain", form)
    exported = tiny_form(form)
    set_reading(exported, reading, form)
    exported.save_pretrained(tmp_path / "read")
    small_tokenizer().save_pretrained(tmp_path / "read")
    for k, mode in ((1, "tied"), (4, "folded")):
        folder = tmp_path / f"k{k}"
        make_rescaled(tmp_path / "plain", Variant(k, mode, reading=reading), folder)
        expected = SparseEncoder(str(folder), device="cpu")
        models = [rescalade.sparse_encoder(tmp_path / "plain", k=k, mode=mode, reading=reading, device="cpu")]
        models.append(rescalade.sparse_encoder(tmp_path / "read", k=k, mode=mode, device="cpu"))
        models[0].save_pretrained(str(tmp_path / f"saved{k}"))
        models.append(SparseEncoder(str(tmp_path / f"saved{k}"), device="cpu"))
        for model in models:
            assert model.max_seq_length == expected.max_seq_length == 16
            torch.testing.assert_close(dense(model, UNEVEN), dense(expected, UNEVEN), rtol=1e-5, atol=1e-5)
            for side in ("encode_query", "encode_document"):
                found, wanted = (getattr(each, side)(UNEVEN).to_dense() for each in (model, expected))
                torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    assert 0.01 < float((dense(models[0], UNEVEN) > 0).float().mean()) < 1
    other = rescalade.sparse_encoder(tmp_path / "plain", k=4, mode="folded", device="cpu")
    assert torch.allclose(dense(other, UNEVEN), dense(models[0], UNEVEN)) == (reading == "causal")


def test_a_length_holds_where_the_folder_has_one_of_each_side(folders: dict[str, Path]) -> None:
    """And folders of causal models have: sentence-transformers asks these first."""
    model = ours(folders["llama"], max_length=5)
    texts = [TEXTS[3], TEXTS[3] + TEXTS[4]]
    for encode in (model.encode, model.encode_query, model.encode_document):
        first, other = encode(texts).to_dense()  # type: ignore[operator]
        assert torch.equal(first, other), "both are cut where they are alike"


def test_readings_that_the_stock_modules_do_not_have_are_refused_by_name(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    causal(tmp_path / "plain")
    causal(tmp_path / "echo", reading="echo")
    causal(tmp_path / "content", reading="causal", pool_special_tokens=False)
    causal(tmp_path / "prompts", reading="causal", pool_prompt=False, query_prompt="q: ")
    causal(tmp_path / "torn", reading="causal")
    (tmp_path / "torn" / "modules.json").unlink()
    make_rescaled(tmp_path / "plain", Variant(2, "untied"), tmp_path / "offset", max_length=16)
    (tmp_path / "offset" / "modules.json").unlink()
    config = json.loads((tmp_path / "offset" / "config.json").read_text())
    (tmp_path / "offset" / "config.json").write_text(json.dumps({**config, "rescalade_decoder_bias": True}))
    for model, options, message in (
        ("plain", {"reading": "echo"}, "sentence-transformers has no module; use another `reading`"),
        ("echo", {}, "it reads a text twice and pools the second copy, for which sentence-transformers has no module"),
        ("content", {}, "it leaves special tokens out of the maximum, which sentence-transformers cannot"),
        ("prompts", {}, "it leaves the tokens of its prompts out of the maximum"),
        ("offset", {}, "its head has a bias, the offset of each term"),
        ("torn", {}, r"it is a trained model whose modules\.json is missing"),
        (folders["bert"], {"reading": "bidirectional"}, "is a masked language model and reads both ways already"),
        (folders["llama"], {"reading": "bidirectional"}, "a SparseEncoder reads as its config.json says"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            rescalade.sparse_encoder(tmp_path / model, device="cpu", **options)
        assert "\n" not in str(caught.value)


def test_what_cannot_be_fused_is_one_line_and_stays_as_it_was(folders: dict[str, Path], tmp_path: Path) -> None:
    tiny_form("bert").bert.save_pretrained(tmp_path / "headless")
    small_tokenizer().save_pretrained(tmp_path / "headless")
    save_model(tmp_path / "sparse")
    tiny_form("bert").bert.save_pretrained(tmp_path / "sparse")  # over it: as if somebody had saved the encoder alone
    (save_model(tmp_path / "wordless") / "tokenizer.json").unlink()
    tiny_form("llama").save_pretrained(tmp_path / "causal")
    strange = stock(folders["bert"])
    strange[1].__class__ = type("OwnPooling", (SpladePooling,), {})
    narrow = Transformer(str(folders["bert"]))
    averaged = SentenceTransformer(modules=[narrow, Pooling(16)], device="cpu")
    averaged.save_pretrained(str(tmp_path / "dense"))
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (tmp_path / "headless", {}, "the checkpoint lacks .* weights of the model .*they would start at random"),
        (tmp_path / "sparse", {}, "the checkpoint lacks .* weights of the model"),
        (tmp_path / "wordless", {}, "the folder has no tokenizer"),
        (tmp_path / "causal", {}, "the folder has no tokenizer"),
        (tmp_path / "dense", {}, "expected a Transformer with a language-model head and a SpladePooling"),
        (averaged, {}, "a SparseEncoder of sentence-transformers is expected, found SentenceTransformer"),
        (strange, {}, "module OwnPooling: expected sentence-transformers' own SpladePooling"),
        (strange, {"device": "cpu"}, "a model that is loaded has them already"),
        (tmp_path / "nowhere", {}, "a folder or an id on the hub is expected, found nothing there"),
        (folders["bert"], {"mode": "multiplier"}, "a folder of sentence-transformers cannot hold it"),
        (folders["bert"], {"k": "4"}, "k '4': a number above 0 or 'auto' is expected"),
        (folders["bert"], {"k": 0}, "a finite number above 0 is expected"),
        (folders["bert"], {"max_length": 65}, "max_length 65: 4 to 64 tokens are expected"),
    ]
    for model, options, message in cases:
        with pytest.raises(UserError, match=message):
            rescalade.sparse_encoder(model, **options)
    assert type(strange) is SparseEncoder and type(strange[0]) is Transformer
    with pytest.raises(UserError, match="a loaded model is expected"):
        rescalade.rescale(str(folders["bert"]), 2)  # type: ignore[arg-type]


def test_a_batch_in_pieces_looks_its_tokens_up_once(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves the embedding as it was, so another question still gets its own answer."""
    monkeypatch.setattr(length_pieces, "BODY", 0)
    monkeypatch.setattr(length_pieces, "EMBEDDING", 0)
    model = ours(folders["bert"])
    asked: list[int] = []
    table = model[0].model.get_input_embeddings()
    own = table.forward
    monkeypatch.setattr(table, "forward", lambda ids: asked.append(ids.numel()) or own(ids))
    features = model.preprocess(UNEVEN)
    model(features)
    assert asked == [features["input_ids"].numel()] and "packed_offsets" in features
    assert torch.equal(table(torch.tensor([3])), table.weight[[3]])
