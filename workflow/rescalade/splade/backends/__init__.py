"""Back ends of the pooling: the same numbers, the same winners and the same gradient on different machines.

Each of the modules that compute on winners offers two functions,

    search(hidden, offsets, weight, bias) -> (term weights [B, V], winners [B, V] int32)
    accumulate(gradient, winner, hidden, weight, free) -> (gradient of hidden [T, D], gradient of weight [V, D])

and `autograd.TermWeights` joins a pair of them. Where the projection is frozen (`free` is False) nothing is spent on
its gradient, neither time nor a [V, D] tensor. The GPU's kernels work on other types and fuse more, so
`cuda.pooling` brings its own autograd function. `choose` decides which one computes.
"""

from typing import Literal

Backend = Literal["auto", "portable", "numba", "screen", "triton"]
"""Their names; `auto` is the fastest that applies."""
