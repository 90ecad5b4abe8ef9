"""How a model encodes, read from the folders of others, against sentence-transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rescalade.encoding.encoder import Encoder
from rescalade.errors import UserError
from rescalade.models.splade_config import FILE, read_splade_config
from support.encoding import save_model, splade_config
from support.texts import TEXTS


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def lengths(folder: Path) -> tuple[int, int]:
    found = read_splade_config(folder)
    return found.query_length, found.document_length


def test_lengths_of_others(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model")
    assert lengths(folder) == (8, 16)
    (folder / FILE).unlink()
    change(folder / "sentence_bert_config.json", max_seq_length=12)
    assert lengths(folder) == (12, 12)
    assert (read_splade_config(folder).pool_special_tokens, read_splade_config(folder).precision) == (True, "fp32")
    (folder / "sentence_bert_config.json").unlink()
    for positions, expected in ((100, 100), (8192, 512), (None, 512)):
        change(folder / "config.json", max_position_embeddings=positions)
        assert lengths(folder) == (expected, expected)


@pytest.mark.parametrize("name", ["document", "passage"])  # sentence-transformers passes over the second
def test_prompts_are_those_of_sentence_transformers(name: str, tmp_path: Path) -> None:
    from sentence_transformers import SparseEncoder

    folder = save_model(tmp_path / "model")
    (folder / FILE).unlink()
    change(folder / "config_sentence_transformers.json", prompts={"query": TEXTS[7][:9], name: TEXTS[8][:9]})
    ours, theirs = Encoder.load(folder), SparseEncoder(str(folder), device="cpu")
    found, _ = ours.encode(["d"], ours.tokens([TEXTS[1]], queries=False), lambda _: None, queries=False)
    for vector, dense in (
        (ours.encode_query(TEXTS[0]), theirs.encode_query(TEXTS[0], convert_to_sparse_tensor=False)),
        (found, theirs.encode_document(TEXTS[1], convert_to_sparse_tensor=False)),
    ):
        expected = {term: weight for term, weight in enumerate(dense.tolist()) if weight > 0}
        assert dict(zip(vector.terms.tolist(), vector.weights.tolist(), strict=True)) == pytest.approx(expected)
    (folder / "config_sentence_transformers.json").unlink()
    plain = Encoder.load(folder).encode_query(TEXTS[0])
    assert plain.weights.tolist() != ours.encode_query(TEXTS[0]).weights.tolist()


@pytest.mark.parametrize(
    ("file", "values"),
    [
        ("sentence_bert_config.json", {"max_seq_length": "long"}),
        ("sentence_bert_config.json", {"max_seq_length": -1}),
        ("config_sentence_transformers.json", {"prompts": {"query": 3}}),
        ("config_sentence_transformers.json", {"prompts": [1]}),
    ],
)
def test_nonsense_in_the_files_of_others_is_one_line(file: str, values: dict[str, Any], tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model")
    (folder / FILE).unlink()
    change(folder / file, **values)
    with pytest.raises(UserError, match="no usable") as caught:
        read_splade_config(folder)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = splade_config(query_prompt="q: ", precision="bf16", pool_special_tokens=False)
    written.write(tmp_path / FILE)
    assert read_splade_config(tmp_path) == written
