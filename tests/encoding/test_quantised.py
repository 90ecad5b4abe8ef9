"""Quantised encoding: weights against rounding by hand, vectors near the others', names, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

from rescalade.config import Config
from rescalade.config.load import build_config
from rescalade.encoding.encoder import Encoder
from rescalade.encoding.quantise import quantise, weight_bytes
from rescalade.encoding.settings import EncodeSettings, like_vectors
from rescalade.errors import UserError
from rescalade.models.sparse_encoder_files import save_sparse_encoder
from rescalade.paths import Paths
from rescalade.pipeline.jobs import make_jobs
from rescalade.pipeline.rows.runs import encode_settings, train_settings
from rescalade.quantisation import QUANTISED, Quantisation
from rescalade.runs import Run
from rescalade.splade.model import SpladeModel
from rescalade.vectors.manifest_file import VectorsManifest
from rescalade.vectors.vectors import MANIFEST, QUERIES, SparseVectors, read_vectors
from support.encoding import encode, save_data, small_tokenizer, splade_config
from support.graph import SMALL

HERE: tuple[Quantisation, ...] = ("int8-weight", "int8-dynamic", "int4-weight")
"""What a CPU can do."""
NEAR = {"int8-weight": 0.01, "int8-dynamic": 0.03, "int4-weight": 0.15}
"""Distance of vectors, as a share of their length, after two layers: a step of rounding is 1/256 of a row's range in 8
bits and 1/15 of a group's in 4; with activations rounded too both add up."""


def wide() -> Any:
    """A model wide enough for groups of 32, with weights of a usual size."""
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=60, hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=96,
        max_position_embeddings=64,
    )  # fmt: skip
    return BertForMaskedLM(config).eval()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quantised") / "model"
    made = wide()
    with torch.no_grad():
        made.cls.predictions.bias += 0.2
    save_sparse_encoder(made, small_tokenizer(), splade_config(), folder)
    return folder


def dense(vectors: SparseVectors) -> torch.Tensor:
    found = torch.zeros(len(vectors), 60)
    rows = torch.repeat_interleave(torch.arange(len(vectors)), torch.from_numpy(vectors.offsets.copy()).diff())
    found[rows, torch.from_numpy(vectors.terms.copy()).long()] = torch.from_numpy(vectors.weights.copy())
    return found


@pytest.mark.parametrize("how", ["int8-weight", "int8-dynamic"])
def test_eight_bits_are_rounding_by_the_largest_weight_of_an_output(how: Quantisation) -> None:
    exact, made = wide(), SpladeModel(wide())
    quantise(made, how, "fp32", "cpu")
    modules = dict(made.masked_lm.named_modules())
    seen = 0
    for name, layer in exact.named_modules():
        if not isinstance(layer, nn.Linear):
            continue
        found = modules[name].weight
        if name == "cls.predictions.decoder":
            assert torch.equal(found, layer.weight) and found is made.masked_lm.bert.embeddings.word_embeddings.weight
            continue
        seen += 1
        weight = layer.weight.detach()
        step = weight.abs().amax(1, keepdim=True) / 127.5
        steps = found.dequantize() / step
        torch.testing.assert_close(steps, steps.round(), rtol=0, atol=1e-4)  # whole steps, and the nearest ones: of
        assert float((steps - weight / step).abs().max()) < 0.5 + 1e-4  # the largest weight two are as near
        assert found.qdata.dtype == torch.int8
    assert seen == 2 * 6 + 1  # attention's four and two more of each layer, and the head's transform


def test_four_bits_are_sixteen_levels_between_the_ends_of_each_group() -> None:
    """The layer's output against the product with weights rounded group by group, 32 or 64 in each."""
    exact, made = wide(), SpladeModel(wide())
    quantise(made, "int4-weight", "fp32", "cpu")
    torch.manual_seed(1)
    for name in ("bert.encoder.layer.0.intermediate.dense", "bert.encoder.layer.0.output.dense"):
        layer, found = (model.get_submodule(name) for model in (exact, made.masked_lm))
        groups = layer.weight.detach().reshape(layer.out_features, -1, 64 if layer.in_features == 64 else 32)
        least, largest = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
        step = (largest - least) / 15
        by_hand = (((groups - least) / step).round().clamp(0, 15) * step + least).reshape(layer.weight.shape)
        inputs = torch.randn(5, layer.in_features)
        expected = inputs @ by_hand.T + layer.bias.detach()
        # scales and products in half precision inside the kernel: 2^-8 of the size of an output
        torch.testing.assert_close(found(inputs), expected, rtol=0, atol=float(expected.abs().max()) * 2**-7)


@pytest.mark.parametrize("how", HERE)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_vectors_are_near_those_of_the_model_itself(how: Quantisation, precision: Any, model: Path) -> None:
    texts = ["a red apple", "whales", "the grass is green and the sky is blue"]

    def vectors(encoder: Encoder) -> torch.Tensor:
        found, _ = encoder.encode(["a", "b", "c"], encoder.tokens(texts, queries=False), lambda _: None, queries=False)
        return dense(found)

    exact = vectors(Encoder.load(model, EncodeSettings(precision=precision)))
    found = vectors(Encoder.load(model, EncodeSettings(precision=precision, quantise=how)))
    distance = float((found - exact).norm() / exact.norm())
    other_places = 0.02 if precision == "bf16" else 0  # where bf16 rounds: 2^-8 a few times
    assert 0 < distance < NEAR[how] + other_places


def test_weights_take_the_bytes_of_their_codes_and_scales() -> None:
    """By hand: 13 layers of 4 bytes a weight become 1 byte a weight, a float32 and a byte an output."""
    exact = wide()
    layers = [m for name, m in exact.named_modules() if type(m) is nn.Linear and "decoder" not in name]
    whole = weight_bytes(exact)
    weights, outputs = sum(layer.weight.numel() for layer in layers), sum(layer.out_features for layer in layers)
    made = SpladeModel(wide())
    quantise(made, "int8-weight", "fp32", "cpu")
    assert weight_bytes(made.masked_lm) == whole - 3 * weights + 5 * outputs


def test_a_stage_encodes_so_and_a_question_follows_its_vectors(model: Path, tmp_path: Path) -> None:
    data = save_data(tmp_path / "data")
    encode(model, data, tmp_path / "plain")
    encode(model, data, tmp_path / "quantised", quantise="int8-weight")
    manifest = VectorsManifest.read(tmp_path / "quantised" / MANIFEST)
    assert manifest.settings["quantise"] == "int8-weight"
    settings = like_vectors(model, manifest.settings)
    found, plain = (dense(read_vectors(tmp_path / name / QUERIES)) for name in ("quantised", "plain"))
    assert not torch.equal(found, plain)
    both = (settings, EncodeSettings(quantise="int8-weight"))
    asked = [Encoder.load(model, one).encode_query("the") for one in both]
    assert asked[0].weights.tolist() == asked[1].weights.tolist()


def quantised(how: str, **experiment: Any) -> Config:
    values = yaml.safe_load(SMALL)
    values["retrieval"] = {"quantise": how}
    values["experiments"]["small"] |= experiment
    return build_config(values)


def test_another_quantisation_encodes_again_and_trains_nothing() -> None:
    """Jobs of two files that differ in it: those of training are the same, all that follow have names of their own."""
    jobs = {how: make_jobs(quantised(how), Paths()) for how in ("none", "int8-weight")}
    keys = {how: {key for key in found if len(key) > 1} for how, found in jobs.items()}
    trained = [{key for key in found if key[0] == "train"} for found in keys.values()]
    assert trained[0] and trained[0] == trained[1]
    run = "quick/left/k1/seed1"
    for stage in ("encode", "index", "search", "score"):
        assert (stage, run, "test") in keys["none"] and (stage, run, "test") not in keys["int8-weight"]
        assert (stage, f"{run}-int8-weight", "test") in keys["int8-weight"]
    encoded = jobs["int8-weight"]["encode", f"{run}-int8-weight", "test"]
    assert ("train", run) in encoded.needs
    names = [{"run": name, "dataset": "test"} for name in (run, f"{run}-bnb-int4")]
    settings = [encode_settings(quantised("none"), one) for one in names]
    assert [found.quantise for found in settings] == ["none", "bnb-int4"]
    assert settings[0] == settings[1].model_copy(update={"quantise": "none"})
    with pytest.raises(UserError, match=f"is quantised to encode; train {run} itself"):
        train_settings(quantised("none"), {"run": f"{run}-int8-weight"})


@pytest.mark.parametrize("how", QUANTISED)
def test_the_name_of_a_quantised_run(how: Quantisation) -> None:
    run = Run.parse(f"r/b/k4-untied/seed12-{how}")
    assert (run.seed, run.quantise, run.folder, run.training) == (
        12, how, f"r/b/k4-untied/seed12-{how}", "r/b/k4-untied/seed12",
    )  # fmt: skip
    for name in (f"seed12-{how}s", f"untrained-{how}", "seed-1", "seed12-", "seed12-none"):
        with pytest.raises(UserError, match="expected RECIPE/BACKBONE/VARIANT/seedN"):
            Run.parse(f"r/b/k1/{name}")


def test_what_cannot_be_is_refused_in_one_line(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rescalade.encoding import quantise as module

    for how in ("bnb-int8", "bnb-int4"):
        with pytest.raises(UserError, match=f"retrieval.quantise {how}: bitsandbytes needs a CUDA device"):
            Encoder.load(model, EncodeSettings(quantise=how))
    with pytest.raises(UserError, match="int4-weight: a GPU computes it in bf16 only"):
        module.check_quantisation("int4-weight", "fp32", "cuda:1")
    narrow = SpladeModel(wide())
    monkeypatch.setattr(module, "GROUPS", (100,))
    with pytest.raises(UserError, match=r"none of the model's 13 linear layers has a shape that it takes"):
        quantise(narrow, "int4-weight", "fp32", "cpu")
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"the package torchao is missing; pip install 'rescalade\[csplade\]'"):
        Encoder.load(model, EncodeSettings(quantise="int8-weight"))
