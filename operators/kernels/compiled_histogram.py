"""Quantiles of histograms, a compiled walk down each column."""

import numpy as np
import numpy.typing as npt
from numba import types

from operators.kernels.compiler import compiled, reads, writes

Floats = npt.NDArray[np.float64]

_COUNTS = types.Array(types.float64, 2, "C", readonly=True)


def quantile(counts: Floats, q: float, edges: Floats) -> Floats:
    """As `operators.kernels.histogram.quantile`, to the last bit."""
    values = np.empty(counts.shape[1])
    _quantile(np.ascontiguousarray(counts), q, edges, values)
    return values


@compiled(types.void(_COUNTS, types.float64, reads(types.float64), writes(types.float64)))
def _quantile(counts: Floats, q: float, edges: Floats, values: Floats) -> None:
    buckets, rows = counts.shape
    for row in range(rows):
        total = 0.0
        for bucket in range(buckets):
            total += counts[bucket, row]
        values[row] = np.nan
        rank = q * total
        reached = 0.0
        for bucket in range(buckets):
            inside = counts[bucket, row]
            reached += inside
            if inside > 0 and reached >= rank:
                below = reached - inside
                low = edges[bucket]
                values[row] = low + (edges[bucket + 1] - low) * (rank - below) / inside
                break
