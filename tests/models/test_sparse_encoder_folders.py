"""Folders that sentence-transformers wrote give its vectors here, or are refused by name."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rescalade.encoding.encoder import Encoder
from rescalade.errors import UserError
from rescalade.models.model_folder import open_model_folder
from rescalade.models.splade_config import FILE
from support.encoding import save_model
from support.sparse_encoders import checkpoint, ours, save, splade_modules, table_module, theirs
from support.texts import TEXTS

PROMPTS = {"query": TEXTS[7][:9], "document": TEXTS[8][:9]}


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("models") / "origin")


def assert_same_vectors(path: Path) -> None:
    for found, expected in zip(ours(path), theirs(path), strict=True):
        assert 0 < int((expected > 0).sum()) < expected.numel()
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


@pytest.mark.parametrize(
    ("pooling", "activation", "prompts"), list(itertools.product(("max", "sum"), ("relu", "log1p_relu"), ({}, PROMPTS)))
)
def test_every_pooling_activation_and_prompt(
    pooling: str, activation: str, prompts: dict[str, str], origin: Path, tmp_path: Path
) -> None:
    modules = splade_modules(origin, pooling_strategy=pooling, activation_function=activation)
    assert_same_vectors(save(tmp_path, modules, prompts=prompts))
    how = open_model_folder(tmp_path).how
    assert (how.pooling, how.activation) == (pooling, activation)


@pytest.mark.parametrize(
    ("transformer", "lengths"),
    [
        ({"processor_kwargs": {"model_max_length": 9}}, (9, 9)),
        ({"query_length": 5, "document_length": 12}, (5, 12)),
        ({"processing_kwargs": {"text": {"add_special_tokens": False}}}, (16, 16)),
        ({"processing_kwargs": {"text": {"max_length": 7}}, "query_length": 5}, (7, 7)),
    ],
)
def test_lengths_and_special_tokens(
    transformer: dict[str, Any], lengths: tuple[int, int], origin: Path, tmp_path: Path
) -> None:
    assert_same_vectors(save(tmp_path, splade_modules(origin, transformer)))
    how = open_model_folder(tmp_path).how
    assert (how.query_length, how.document_length) == lengths


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("sentence_bert_config.json", {"max_seq_length": 6}),
        ("sentence_bert_config.json", {"max_seq_length": 6, "tokenizer_args": {"model_max_length": 8}}),
        ("1_SpladePooling/config.json", {"chunk_size": 3}),
        ("config_sentence_transformers.json", {"max_active_dims": 4}),
        ("config_sentence_transformers.json", {"prompts": {**PROMPTS, "other": "x"}, "default_prompt_name": "other"}),
        ("config_sentence_transformers.json", {"prompts": {"query": None, "passage": "x"}}),
    ],
)
def test_what_else_its_files_may_say(file: str, values: dict[str, Any], origin: Path, tmp_path: Path) -> None:
    path = save(tmp_path, splade_modules(origin))
    change(path / file, **values)
    assert_same_vectors(path)


def test_a_pooling_without_its_file_is_refused_and_one_that_says_nothing_has_the_defaults(
    origin: Path, tmp_path: Path
) -> None:
    """sentence-transformers takes its defaults for both; the model had others."""
    path = save(tmp_path, splade_modules(origin, pooling_strategy="sum", activation_function="log1p_relu"))
    said = path / "1_SpladePooling" / "config.json"
    said.unlink()
    with pytest.raises(UserError, match=r"SpladePooling/config\.json is missing, and with it how the model pools"):
        open_model_folder(path)
    said.write_text("{}")
    assert_same_vectors(path)


def test_lower_case_is_written_where_the_tokenizer_does_not(origin: Path, tmp_path: Path) -> None:
    path = save(tmp_path, splade_modules(origin))
    tokenizer = json.loads((path / "tokenizer.json").read_text())
    tokenizer["normalizer"]["lowercase"] = False
    (path / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = path / "tokenizer_config.json"
    change(config, tokenizer_class="PreTrainedTokenizerFast")
    before = ours(path)
    change(path / "sentence_bert_config.json", do_lower_case=True)
    assert_same_vectors(path)
    assert not torch.equal(before[1], ours(path)[1])


@pytest.mark.parametrize("activation", ["relu", "log1p_relu"])
def test_queries_by_a_table(activation: str, origin: Path, tmp_path: Path) -> None:
    from sentence_transformers.base.modules import Router

    documents = splade_modules(origin, activation_function=activation)
    router = Router.for_query_document([table_module()], documents)
    assert_same_vectors(save(tmp_path, [router], prompts=PROMPTS))
    for file in tmp_path.glob("document_0_*/*"):  # as on the hub, where the model lies at the top
        file.rename(tmp_path / file.name)
    said = (tmp_path / "router_config.json").read_text()
    (tmp_path / "router_config.json").write_text(said.replace('"document_0_Transformer"', '""'))
    assert_same_vectors(tmp_path)
    assert Encoder.load(tmp_path).how.query_side == "table"


def test_a_router_with_one_way_for_both_sides(origin: Path, tmp_path: Path) -> None:
    from sentence_transformers.base.modules import Router

    modules = splade_modules(origin, pooling_strategy="sum")
    router = Router({"text": modules}, route_mappings={(None, "text"): "text"})
    assert_same_vectors(save(tmp_path, [router]))


def _csr(origin: Path) -> list[Any]:
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder

    return [Transformer(str(origin)), Pooling(16, "mean"), SparseAutoEncoder(16, 64, k=4, k_aux=8)]


def _two_models(origin: Path) -> list[Any]:
    from sentence_transformers.base.modules import Router

    return [Router.for_query_document(splade_modules(origin), splade_modules(origin))]


def _table_alone(_: Path) -> list[Any]:
    return [table_module()]


def _table_of(value: float) -> Callable[[Path], list[Any]]:
    def modules(origin: Path) -> list[Any]:
        from sentence_transformers.base.modules import Router

        return [Router.for_query_document([table_module(torch.full((60,), value))], splade_modules(origin))]

    return modules


def _short_table(origin: Path) -> list[Any]:
    from sentence_transformers.base.modules import Router

    return [Router.for_query_document([table_module(torch.ones(59))], splade_modules(origin))]


@pytest.mark.parametrize(
    ("modules", "part"),
    [
        (_csr, "a CSR model"),
        (_two_models, "its queries go through other modules than its documents, Transformer, SpladePooling"),
        (_table_alone, "its documents go through the modules SparseStaticEmbedding"),
        (_table_of(-1.0), "60 of its weights are negative or not finite"),
        (_table_of(float("nan")), "60 of its weights are negative or not finite"),
        (_short_table, "expected one weight of each of the 60 terms"),
    ],
)
def test_what_gives_no_weights_of_terms_is_refused(
    modules: Callable[[Path], list[Any]], part: str, origin: Path, tmp_path: Path
) -> None:
    path = save(tmp_path, modules(origin))
    with pytest.raises(UserError, match=part) as caught:
        Encoder.load(path)
    assert "\n" not in str(caught.value)


def test_a_dense_model_is_called_one_whatever_else_it_says(origin: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling

    modules = [Transformer(str(origin)), Pooling(16)]
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(tmp_path), create_model_card=False)
    with pytest.raises(UserError, match="a dense model, which predicts no terms"):
        Encoder.load(tmp_path)


MODULE = "sentence_transformers.sentence_transformer.modules.Pooling"


@pytest.mark.parametrize(
    ("file", "values", "part"),
    [
        ("1_SpladePooling/config.json", {"pooling_strategy": "mean"}, "pooling_strategy is 'mean'"),
        ("1_SpladePooling/config.json", {"activation_function": "gelu"}, "activation_function is 'gelu'"),
        ("1_SpladePooling/config.json", {"top": 3}, "the setting top is 3"),
        ("sentence_bert_config.json", {"transformer_task": "feature-extraction"}, "transformer_task is"),
        ("sentence_bert_config.json", {"query_expansion": {"length": 8}}, "the setting query_expansion"),
        ("sentence_bert_config.json", {"tokenizer_name_or_path": "x/y"}, "the setting tokenizer_name_or_path"),
        ("sentence_bert_config.json", {"config_kwargs": {"num_hidden_layers": 1}}, "config_kwargs.num_hidden_layers"),
        ("sentence_bert_config.json", {"processing_kwargs": {"text": {"truncation": False}}}, "truncation is False"),
        ("sentence_bert_config.json", {"max_seq_length": "long"}, "'long' is no usable length"),
        ("sentence_bert_config.json", {"max_seq_length": -1}, "-1 is no usable length"),
        ("sentence_bert_config.json", {"module_output_name": "scores"}, "module_output_name is 'scores'"),
        (
            "sentence_bert_config.json",
            {"modality_config": {"message": {"method": "forward", "method_output_name": "logits"}}},
            "chat template",
        ),
        ("config_sentence_transformers.json", {"prompts": {"query": 3}}, "no usable prompt"),
        ("config_sentence_transformers.json", {"prompts": [1]}, "no usable prompt"),
        ("config_sentence_transformers.json", {"default_prompt_name": "none"}, "default_prompt_name is 'none'"),
        ("config_sentence_transformers.json", {"max_active_dims": 0}, "max_active_dims is 0"),
        ("config_sentence_transformers.json", {"similarity_fn_name": "cosine"}, "similarity_fn_name is 'cosine'"),
        ("config_sentence_transformers.json", {"model_type": "CrossEncoder"}, "a cross-encoder"),
        ("modules.json", [], "expected a list of modules"),
        ("modules.json", [{"path": "", "type": MODULE}], "a dense model"),
        ("modules.json", [{"path": "", "type": "custom.Splade"}], "code of its own"),
        ("modules.json", [{"path": "../x", "type": MODULE}], "leads out of the folder"),
    ],
)
def test_a_setting_that_is_not_supported_is_one_line(
    file: str, values: Any, part: str, origin: Path, tmp_path: Path
) -> None:
    path = save(tmp_path, splade_modules(origin))
    if isinstance(values, list):
        (path / file).write_text(json.dumps(values))
    else:
        change(path / file, **values)
    with pytest.raises(UserError, match=part) as caught:
        open_model_folder(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


ODD: list[Any] = [None, True, -1, 0, 1.5, 10**30, "x", "", [], [1], {}, {"x": 1}, [{}], [["x"]]]
"""What might stand in place of any value."""


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in _places(each, (*path, key)))]


def _with(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    made = value.copy()
    made[path[0]] = _with(made[path[0]], path[1:], odd)
    return made


def test_whatever_stands_in_the_files_is_understood_or_one_line(origin: Path, tmp_path: Path) -> None:
    from sentence_transformers.base.modules import Router

    transformer = {
        "query_length": 5,
        "processing_kwargs": {"text": {"max_length": 7}},
        "processor_kwargs": {"model_max_length": 9},
    }
    documents = splade_modules(origin, transformer)
    router = Router(
        {"query": [table_module()], "document": documents}, route_mappings={("document", "text"): "document"}
    )
    path = save(tmp_path, [router], prompts=PROMPTS, max_active_dims=9)
    said = next(path.rglob("sentence_bert_config.json"))
    change(said, max_seq_length=12, do_lower_case=False)
    ends = {"understood": 0, "refused": 0, "many lines": 0}
    for each in [*path.rglob("*config*.json"), path / "modules.json"]:
        text = each.read_text()
        changed = (
            json.dumps(_with(json.loads(text), *what)) for what in itertools.product(_places(json.loads(text)), ODD)
        )
        for written in (*changed, "", "{", text[: len(text) // 2], "[" * 10**5, "\x00", "1" * 5000):
            each.write_text(written)
            try:
                open_model_folder(path)
                ends["understood"] += 1
            except UserError as error:
                ends["many lines" if "\n" in str(error) else "refused"] += 1
        each.write_text(text)
    open_model_folder(path)
    assert ends["understood"] > 50 and ends["refused"] > 50 and ends["many lines"] == 0


def test_a_folder_written_here_says_the_same_without_our_file(tmp_path: Path) -> None:
    how = {"query_length": 16, "pooling": "sum", "activation": "log1p_relu", "max_active_dims": 9, "lower_case": True}
    path = save_model(tmp_path, query_prompt=PROMPTS["query"], **how)
    ours_says = open_model_folder(path).how
    (path / FILE).unlink()
    assert open_model_folder(path).how == ours_says
    assert_same_vectors(path)
