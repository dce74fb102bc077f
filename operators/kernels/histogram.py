"""Quantiles of histograms."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def quantile(counts: Floats, q: float, edges: Floats) -> Floats:
    """The q-quantile of each column of histograms [buckets, n] with these edges; NaN where it is empty.

    The bucket is the first whose cumulative count reaches q times the total, and the value lies in it in proportion
    (linear interpolation, as Prometheus' `histogram_quantile` does). Counts are whole numbers.
    """
    values = np.full(counts.shape[1], np.nan)
    filled = np.flatnonzero(counts.any(axis=0))
    counts = counts[:, filled]
    reached = np.cumsum(counts, axis=0)
    rank = q * reached[-1]
    bucket = np.argmax((reached >= rank) & (counts > 0), axis=0)
    inside = np.take_along_axis(counts, bucket[None], axis=0)[0]
    below = np.take_along_axis(reached, bucket[None], axis=0)[0] - inside
    low = edges[bucket]
    values[filled] = low + (edges[bucket + 1] - low) * (rank - below) / inside
    return values
