"""Norms of an output projection."""

from __future__ import annotations

import torch

from rescalade.audited import HeadNorms, RowNorm
from rescalade.models.locate import Head


def head_norms(head: Head) -> HeadNorms:
    """Row norms and their kin, without running the model."""
    weight = head.weight.detach().float()
    norms = weight.norm(dim=1)
    unit = weight / norms.clamp_min(1e-12).unsqueeze(1)
    rows = len(weight)
    anisotropy = float((unit.sum(0).square().sum() - rows) / (rows * (rows - 1)))
    return HeadNorms(
        row_norm=RowNorm(mean=float(norms.mean()), max=float(norms.max()), sd=float(norms.std())),
        frobenius=float(torch.linalg.matrix_norm(weight)),
        anisotropy=anisotropy,
        bias_norm=None if head.bias is None else float(head.bias.detach().norm()),
        vocabulary=rows,
        width=weight.shape[1],
        tied=head.tied,
        norm=None if head.norm is None else type(head.norm).__name__,
        soft_cap=head.soft_cap,
    )
