"""Terms that are active at step 0 in a document and a query, without an offset of each term and with c = 0 to 3.

    python bench/bench_offset.py --data RESULTS/data/pydoc RESULTS/backbones/modernbert-small ...

The offset is measured on 256 texts of the data set, as in the pipeline; active terms are counted on 198 texts of it, at
other distances. The head is divided by --k in mode `folded`.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

from rescalade.encoding.encoder import Encoder
from rescalade.library import make_rescaled
from rescalade.rescaling.rescale_stage import training_batches
from rescalade.texts.named_texts import document_texts, query_texts, spread
from rescalade.texts.text_settings import TextSettings
from rescalade.variants import Variant

OFFSETS = (None, 0.0, 1.0, 2.0, 3.0)
LENGTHS = TextSettings(query_length=32, document_length=128)
COUNTED = 99
"""Documents, and queries, on which active terms are counted."""


def active(model: Path, data: Path) -> tuple[float, float]:
    """Mean active terms of a document and of a query."""
    encoder, found = Encoder.load(model), []
    for queries, texts in ((False, document_texts(data)), (True, query_texts(data))):
        chosen = spread(texts, COUNTED)
        tokens = encoder.tokens(chosen, queries=queries)
        vectors, _ = encoder.encode([str(n) for n in range(len(chosen))], tokens, lambda _: None, queries=queries)
        found.append(len(vectors.terms) / len(chosen))
    return found[0], found[1]


def main() -> None:
    """Print a row per backbone and offset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backbones", type=Path, nargs="+", help="model folders")
    parser.add_argument("--data", type=Path, required=True, help="folder of a data set")
    parser.add_argument("--k", type=float, default=1.0)
    asked = parser.parse_args()
    texts = partial(training_batches, LENGTHS, "causal", asked.data)
    for backbone in asked.backbones:
        for offset in OFFSETS:
            with tempfile.TemporaryDirectory() as folder:
                variant = Variant(asked.k, "folded", offset=offset)
                length = LENGTHS.document_length
                done = make_rescaled(backbone, variant, Path(folder), max_length=length, offset_texts=texts)
                of_document, of_query = active(Path(folder), asked.data)
            name = "none" if offset is None else f"{offset:g}"
            print(f"{backbone.name} c {name}: {of_document:,.0f}, {of_query:,.0f} of {done.vocabulary:,}")


if __name__ == "__main__":
    main()
