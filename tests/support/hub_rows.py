"""Rows of a hub data set as tests lay them down."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

CARD = """---
configs:
- config_name: triplet
  data_files:
  - split: train
    path: triplet/train-*
- config_name: triplet-2
  data_files:
  - split: train
    path: triplet-2/train-*
- config_name: ids
  data_files:
  - split: train
    path: ids/train-*
- config_name: passages
  data_files:
  - split: train
    path: passages/train-*
- config_name: questions
  data_files:
  - split: train
    path: questions/train-*
---
"""


ROWS = [
    {"query": "red?", "positive": "apples are red", "negative": "whales are blue"},
    {"query": "red?", "positive": "apples are red", "negative": "grass is green"},
    {"query": "blue?", "positive": "whales are blue", "negative": "apples are red"},
]


def parquet(rows: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), buffer)
    return buffer.getvalue()
