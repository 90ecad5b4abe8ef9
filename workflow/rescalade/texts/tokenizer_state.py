"""What a tokenizer remembers between calls, and does not have to: it is saved with a model, and others read it.

A call of transformers writes the truncation and the padding that it asks for into the fast tokenizer below, from where
they get into tokenizer.json.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rescalade.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@contextmanager
def unchanged(tokenizer: PreTrainedTokenizerBase) -> Iterator[None]:
    """Put truncation and padding back as they were, whatever is called inside; slow tokenizers keep none."""
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        yield
        return
    truncation, padding = backend.truncation, backend.padding
    try:
        yield
    finally:
        if truncation is None:
            backend.no_truncation()
        else:
            backend.enable_truncation(**truncation)
        if padding is None:
            backend.no_padding()
        else:
            backend.enable_padding(**padding)


def writing_lower_case(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """A copy of a tokenizer that writes texts in lower case before anything else, unless it does so somewhere.

    Raises:
        UserError: it has no normaliser to put that before, being written in plain Python.
    """
    from tokenizers.normalizers import Lowercase, Sequence

    made = copy.deepcopy(tokenizer)
    backend: Any = getattr(made, "backend_tokenizer", None)
    if backend is None:
        raise UserError(f"do_lower_case: the tokenizer {type(tokenizer).__name__} cannot be told to; leave it out")
    own = backend.normalizer
    steps: list[Any] = [] if own is None else [own]
    if type(own) is Sequence:
        steps = list(backend.normalizer)
    if not any(isinstance(step, Lowercase) for step in steps):
        backend.normalizer = Sequence([Lowercase(), *steps])
    return made
