"""Importing this keeps transformers from loading torchao, which it does with its quantizers wherever that is installed.

It takes half a second of every start and looks for GPUs, after which a process cannot be forked into one that uses
them. Nothing here loads a checkpoint that torchao has quantised; what quantises a loaded model imports it by itself.
"""

from __future__ import annotations

import transformers.utils
from transformers.utils import import_utils

for module in (transformers.utils, import_utils):
    vars(module)["is_torchao_available"] = lambda *_, **__: False
