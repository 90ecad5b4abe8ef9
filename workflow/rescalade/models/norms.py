"""Norms of an output projection."""

from __future__ import annotations

from typing import Any

import torch

from rescalade.models.locate import Head


def head_norms(head: Head) -> dict[str, Any]:
    """Row norms and their kin, without running the model.

    Returns:
        row_norm: mean, max and sd over vocabulary rows of the L2 norm of W; the mean is the paper's
        measure (below 2 small, above 2 large: arXiv 2606.18811, Table 1). frobenius: norm of W.
        anisotropy: mean cosine over pairs of distinct rows. bias_norm: L2 norm of the bias or None.
        vocabulary, width: V and D. tied. norm: class of the norm before the decoder, or None. soft_cap.
    """
    weight = head.weight.detach().float()
    norms = weight.norm(dim=1)
    unit = weight / norms.clamp_min(1e-12).unsqueeze(1)
    rows = len(weight)
    anisotropy = float((unit.sum(0).square().sum() - rows) / (rows * (rows - 1)))
    return {
        "row_norm": {"mean": float(norms.mean()), "max": float(norms.max()), "sd": float(norms.std())},
        "frobenius": float(torch.linalg.matrix_norm(weight)),
        "anisotropy": anisotropy,
        "bias_norm": None if head.bias is None else float(head.bias.detach().norm()),
        "vocabulary": rows,
        "width": weight.shape[1],
        "tied": head.tied,
        "norm": None if head.norm is None else type(head.norm).__name__,
        "soft_cap": head.soft_cap,
    }
