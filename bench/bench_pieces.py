"""What one more piece of a batch costs where no weight gets a gradient, in tokens of padding.

    python bench/bench_pieces.py

Random models of three shapes, 24 texts of 48 tokens, in encoding, one core and CPU seconds: the batch whole, and in
pieces of one text. No text is padded, so all that differs is the cost of 23 more pieces; it is given in the time that a
token takes in the whole batch, beside what `rescalade.splade.length_pieces` takes it for.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

TEXTS, LENGTH, TIMES = 24, 48, 3


def models() -> dict[str, Callable[[], Any]]:
    """Shape and model."""
    from transformers import BertConfig, BertForMaskedLM, LlamaConfig, LlamaForCausalLM

    def bert(layers: int, width: int, heads: int, vocabulary: int) -> Any:
        return BertForMaskedLM(
            BertConfig(
                vocab_size=vocabulary,
                hidden_size=width,
                num_hidden_layers=layers,
                num_attention_heads=heads,
                intermediate_size=4 * width,
            )
        )

    def llama() -> Any:
        return LlamaForCausalLM(
            LlamaConfig(
                vocab_size=49_152,
                hidden_size=576,
                num_hidden_layers=30,
                num_attention_heads=9,
                num_key_value_heads=3,
                intermediate_size=1536,
                tie_word_embeddings=True,
            )
        )

    return {
        "BERT 2x128, V = 30,522": lambda: bert(2, 128, 2, 30_522),
        "BERT 12x768, V = 30,522": lambda: bert(12, 768, 12, 30_522),
        "Llama 30x576, V = 49,152": llama,
    }


def seconds(work: Callable[[], Any]) -> float:
    """CPU seconds, the best of several calls after a first one."""
    found = []
    for _ in range(1 + TIMES):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found[1:])


def main() -> None:
    """Print one line for each shape."""
    import torch

    from rescalade.splade.length_pieces import overhead
    from rescalade.splade.model import SpladeModel

    torch.set_num_threads(1)
    for name, make in models().items():
        model = SpladeModel(make().eval())
        ids = torch.randint(5, 30_000, (TEXTS, LENGTH))

        def encode(rows: int, model: SpladeModel = model, ids: torch.Tensor = ids) -> None:
            with torch.inference_mode():
                for piece in ids.split(rows):
                    model.decoder_inputs(piece, torch.ones_like(piece))

        whole, parts = seconds(lambda: encode(TEXTS)), seconds(lambda: encode(1))
        token, piece = whole / ids.numel(), (parts - whole) / (TEXTS - 1)
        print(f"{name}: a token {1e6 * token:.0f} µs, a piece {1e3 * piece:.2f} ms = {piece / token:.0f} tokens "
              f"(taken for {overhead(model, frozen=True):.0f})", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
