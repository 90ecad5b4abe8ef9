"""Libraries that stages load, by what they are used for."""

from __future__ import annotations

FRAMES = ("pandas", "pyarrow.dataset", "pyarrow.parquet")
KERNELS = ("numba", "numba.typed", "scipy.linalg.cython_blas")
LEXICAL = ("bm25s", "snowballstemmer")
MODELS = (
    "rescalade.models.without_torchao",
    "accelerate",
    "safetensors.torch",
    "tokenizers",
    "torch._dynamo",
    "transformers.models.auto.modeling_auto",
    "transformers.models.auto.tokenization_auto",
    "transformers.models.bert.modeling_bert",
    "transformers.models.modernbert.modeling_modernbert",
)
TRAINING = ("datasets", "sentence_transformers.sparse_encoder", "rescalade.training.trainer")
STATISTICS = ("scipy.stats",)
PICTURES = ("matplotlib.backends.backend_pdf", "matplotlib.backends.backend_svg", "matplotlib.figure")
PAGES = ("jinja2",)
