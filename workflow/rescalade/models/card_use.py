"""How a model's vectors are had: the part of a model card that rescaled and trained models share."""

from __future__ import annotations

from rescalade.models.splade_config import SpladeConfig

_WITH = """## Use

```python
from sentence_transformers import SparseEncoder

model = SparseEncoder("path/to/this/folder")
queries = model.encode_query(["what is a sparse vector"])
documents = model.encode_document(["A vector is sparse if most of its entries are 0."])
```
{how}
"""

_WITHOUT = """## Use

`SparseEncoder` of sentence-transformers cannot load this model: {reason}. Rescalade can:

```python
from pathlib import Path

from rescalade.encoding.encoder import Encoder

encoder = Encoder.load(Path("path/to/this/folder"))
vector = encoder.encode_query("what is a sparse vector")
```
{how}
"""

_READ = {
    "causal": "forwards, as a causal language model does",
    "echo": "twice in a row, and the maximum runs over the second copy",
    "bidirectional": "in both directions (`is_causal: false`, heeded by transformers 5.2 and later)",
}


def use_section(how: SpladeConfig, refusal: str | None) -> str:
    """Markdown that says how to get vectors, and what the model does to a text first.

    Args:
        refusal: why SparseEncoder cannot load it; None where it can.
    """
    template = _WITH if refusal is None else _WITHOUT
    return template.format(reason=refusal, how=f"\n{_words(how)}")


def _words(how: SpladeConfig) -> str:
    lines = [f"Texts are cut at {how.query_length} tokens (queries) and {how.document_length} (documents)."]
    prompts = [
        f"`{prompt}` before {side}"
        for prompt, side in ((how.query_prompt, "queries"), (how.document_prompt, "documents"))
        if prompt
    ]
    if prompts:
        lines.append(f"Prompts: {', '.join(prompts)}.")
    if how.special_tokens != "own":
        added = "no special token" if how.special_tokens == "none" else "the BOS token"
        lines.append(
            f"Causal models need sentence-transformers 6. Texts get {added} and are read {_READ[how.reading]}."
        )
    if (how.pooling, how.activation) != ("max", "relu"):
        term = "log(1 + relu(z))" if how.activation == "relu" else "log(1 + log(1 + relu(z)))"
        over = "maximum" if how.pooling == "max" else "sum"
        lines.append(f"A term's weight is the {over} of {term} over the tokens of a text, z being its logit.")
    left_out = [
        words
        for words, pooled in (("special tokens", how.pool_special_tokens), ("the prompt's", how.pool_prompt))
        if not pooled
    ]
    if left_out:
        lines.append(f"Left out of the maximum: {', '.join(left_out)}.")
    if how.precision == "bf16":
        lines.append("It was trained with bfloat16 autocast, and Rescalade encodes with it.")
    return " ".join(lines)
