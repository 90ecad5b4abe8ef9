"""How a model encodes, by its own file and where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rescalade.errors import UserError
from rescalade.models.model_folder import read_splade_config
from rescalade.models.splade_config import FILE
from support.encoding import splade_config
from support.sparse_encoders import checkpoint


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_plain_checkpoint_has_the_least_of_three_lengths(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "model")
    for tokenizer, positions, expected in (
        (16, 512, 16), (512, 100, 100), (8192, 8192, 512), (10**30, None, 512), (None, 64, 64),
    ):  # fmt: skip
        change(folder / "tokenizer_config.json", model_max_length=tokenizer)
        change(folder / "config.json", max_position_embeddings=positions)
        found = read_splade_config(folder)
        assert (found.query_length, found.document_length) == (expected, expected)
        assert (found.pool_special_tokens, found.precision, found.pooling) == (True, "fp32", "max")


def test_roberta_counts_its_positions_after_the_paddings_number(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "model", "roberta")
    change(folder / "tokenizer_config.json", model_max_length=10**30)
    change(folder / "config.json", max_position_embeddings=60, pad_token_id=1)
    assert read_splade_config(folder).document_length == 58


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = splade_config(query_prompt="q: ", precision="bf16", pool_special_tokens=False, pooling="sum")
    written.write(tmp_path / FILE)
    assert read_splade_config(tmp_path) == written


def test_a_file_of_the_schema_before_says_what_it_said(tmp_path: Path) -> None:
    before = splade_config(query_length=7).model_dump()
    for key in ("pooling", "activation", "max_active_dims", "lower_case", "query_side"):
        del before[key]
    (tmp_path / FILE).write_text(json.dumps({**before, "schema_version": 2}))
    assert read_splade_config(tmp_path) == splade_config(query_length=7)
    (tmp_path / FILE).write_text(json.dumps({**before, "schema_version": 3}))
    with pytest.raises(UserError, match="pooling: expected this key, found none"):
        read_splade_config(tmp_path)


def test_two_files_of_a_folder_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    splade_config().write(tmp_path / FILE)
    (tmp_path / "1_SpladePooling").mkdir()
    (tmp_path / "1_SpladePooling" / "config.json").write_text('{"pooling_strategy": "sum"}')
    with pytest.raises(UserError, match=r"says pooling_strategy 'sum', splade.json says 'max'; make the two agree"):
        read_splade_config(tmp_path)
