"""What the graph gives the stage that divides a head, where the variant has an offset."""

from __future__ import annotations

from pathlib import Path

import pytest

from rescalade.config import load_config
from rescalade.errors import UserError
from rescalade.pipeline.graph import STAGES

GRID = "experiments: {mini: {grid: [{backbones: [modernbert-small], scales: [1.0], offsets: [2.0, null]}]}}"


def test_an_offset_takes_the_recipes_lengths_and_the_training_text(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(GRID)
    config, row = load_config([tmp_path / "own.yaml"], "mini"), STAGES["rescale_by_rule"]
    assert {run.variant.name for run in config.runs()} == {"k1", "k1-offset2"}
    names = {"backbone": "modernbert-small", "variant": "k1-offset2", "recipe": "mini"}
    texts = row.settings(config, names).texts  # type: ignore[attr-defined]
    train = config.train_settings("modernbert-small")
    assert (texts.query_length, texts.document_length) == (train.query_length, train.document_length)
    assert set(row.inputs(config, names)) == {"model", "corpus", "queries", "manifest"}
    assert set(STAGES["rescale"].inputs(config, {**names, "variant": "k1"})) == {"model"}
    with pytest.raises(UserError, match="offset of modernbert-small: recipe 'other' is not that of experiment 'mini'"):
        row.settings(config, {**names, "recipe": "other"})
